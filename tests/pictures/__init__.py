"""Pictures of what people look at, for docs/pictures; ``make pictures`` runs each module."""
