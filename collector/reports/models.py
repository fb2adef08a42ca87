"""What a customer and a manager get each month."""
