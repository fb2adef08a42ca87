"""Requests of SFTP that leave together and are waited for together: on a long line, and on a busy server, the way there
and back is what costs. Decides nothing, and takes the answers in any order."""

from agent.backup.repository.ssh_library import paramiko  # isort: split

from paramiko.message import Message
from paramiko.sftp import CMD_STATUS


class Together:
    """For one thread, and one round of requests."""

    def __init__(self, sftp: paramiko.SFTPClient) -> None:
        self._sftp, self._asked = sftp, list[int]()
        self._answers: dict[int, tuple[int, Message]] = {}

    def ask(self, kind: int, *words: object) -> None:
        """`words` as paramiko packs them: integers, paths and bytes, attributes."""
        self._asked.append(self._sftp._async_request(self, kind, *words))  # type: ignore[attr-defined]

    def answers(self) -> list[Message | OSError | None]:
        """Of all requests, in their order: what the server tells, its error, or None where it is done."""
        self._sftp._finish_responses(self)  # type: ignore[attr-defined]
        return [self._read(*self._answers[number]) for number in self._asked]

    def all_done(self) -> None:
        """Raises the first error of the server."""
        for answer in self.answers():
            if isinstance(answer, OSError):
                raise answer

    def _read(self, kind: int, answer: Message) -> Message | OSError | None:
        if kind != CMD_STATUS:
            return answer
        try:
            self._sftp._convert_status(answer)  # type: ignore[attr-defined]
        except EOFError:
            return OSError("the SSH server says that something ends there")
        except OSError as e:
            return e
        return None

    def _async_response(self, kind: int, answer: Message, number: int) -> None:
        """paramiko hands each answer over."""
        self._answers[number] = kind, answer

    def _check_exception(self) -> None:
        """paramiko asks after each answer whether to stop: errors are told with all answers."""
