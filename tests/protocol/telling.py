"""What tests do with machines: tell them who says what, have them refuse it, and look at all they know.

This file owns these few verbs. It must not know what a machine should make of a message.
"""

from copy import deepcopy
from typing import Any

import pytest

from protocol import Hello, LocalError, Machine, ProtocolError, RemoteError, Role, Welcome
from tests.protocol.samples import sample


def tell(machine: Machine, by: Role, message: Any) -> None:
    """Have `message` said by one of the two sides: sent if the machine stands there, received if not."""
    (machine.sent if by is machine.role else machine.received)(message)


def known(machine: Machine) -> dict[str, object]:
    """Return a copy of all that a machine knows, but for the side that it stands on."""
    return {name: deepcopy(getattr(machine, name)) for name in Machine.__slots__ if name != "role"}


def refusal(machine: Machine, by: Role) -> type[ProtocolError]:
    """Return the error that names whose fault it is if `by` says what may not be said."""
    return LocalError if by is machine.role else RemoteError


def refuses(machine: Machine, by: Role, message: Any, match: str | None = None) -> None:
    """Have `message` refused with the error that is due, and the machine left as it was."""
    before = known(machine)
    with pytest.raises(ProtocolError, match=match) as refused:
        tell(machine, by, message)
    assert type(refused.value) is refusal(machine, by)
    assert str(refused.value)
    assert known(machine) == before


def opened(role: Role) -> Machine:
    """Return a machine whose connection is open."""
    machine = Machine(role)
    tell(machine, Role.CLIENT, sample(Hello, id=99))
    tell(machine, Role.SERVER, sample(Welcome, id=99))
    return machine


def ended(role: Role) -> Machine:
    """Return a machine whose connection was over before anything was said."""
    machine = Machine(role)
    machine.ended()
    return machine
