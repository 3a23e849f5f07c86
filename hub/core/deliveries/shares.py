"""Share a process's slots among connections, purely (ROAD 8 of the laws, 20)."""

from collections.abc import Mapping


def share(
    rooms: Mapping[str, int], held: Mapping[str, int], free: int
) -> dict[str, int]:
    """Say how many of the free slots each connection gets.

    Slots go round, to whoever holds fewest; and nobody beyond its first may hold
    more than it leaves free. So one slow provider stops at half of the slots, the
    next at half of the rest, and a newcomer always finds one.
    """
    given = dict.fromkeys(rooms, 0)
    while free > 0:
        hungry = [
            (held.get(id, 0) + given[id], id)
            for id, room in rooms.items()
            if given[id] < room
        ]
        if not hungry:
            break
        has, poorest = min(hungry)
        if has > 0 and has + 1 > free - 1:
            break
        given[poorest] += 1
        free -= 1
    return given


def even(wanted: Mapping[str, int], free: int) -> dict[str, int]:
    """Divide what is free so that nobody gets more than they want, nor more than
    another who still wants some."""
    given = dict.fromkeys(wanted, 0)
    for place, id in enumerate(sorted(wanted, key=lambda id: wanted[id])):
        given[id] = min(wanted[id], free // (len(wanted) - place))
        free -= given[id]
    return given
