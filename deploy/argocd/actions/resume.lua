-- Lets changes go again, also the one that is held now if nothing else holds it.
obj.spec.suspend = false
return obj
