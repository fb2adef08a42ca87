"""What the desk does around incidents: queues, people, visits, changes, problems."""
