"""From events of the cluster to keys in the queue."""
