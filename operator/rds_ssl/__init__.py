"""Kubernetes operator for the SSL settings of ApsaraDB RDS instances."""
