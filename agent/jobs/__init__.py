"""Jobs of operators: checked on the till, done one at a time, told once."""
