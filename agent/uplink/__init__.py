"""The agent's side of the wire: identity, enrolment, signed requests, and the loop that empties the spool."""
