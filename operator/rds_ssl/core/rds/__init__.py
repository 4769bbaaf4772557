"""What the RDS API answers, and what its errors mean."""
