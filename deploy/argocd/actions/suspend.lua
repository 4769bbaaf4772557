-- Holds back every change from now on; what was sent already is followed to its end.
obj.spec.suspend = true
return obj
