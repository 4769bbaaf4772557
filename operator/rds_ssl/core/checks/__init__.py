"""What is wrong with what is declared, before anything is planned."""
