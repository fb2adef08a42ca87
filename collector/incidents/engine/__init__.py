"""What happens, and what it means for incidents. Pure: it knows no database and no clock. `driver` asks the others in
turn and hands what they decide to a `Book`; `apply` keeps that in the database, `memory` in memory.

Times of a fault are those of the clock of whoever told of it; `now` is the server's."""
