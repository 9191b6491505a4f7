"""`saglab call`: any operation of either cloud, on a lab that is up. Parameters and help come from the operations' signatures."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Mapping, Sequence
from getpass import getpass
from types import NoneType, UnionType
from typing import TYPE_CHECKING, Any, Literal, Union, get_args, get_origin

from lab.cli.labs import add_lab, the_lab
from lab.cli.status import FAILED, PASSED
from lab.cli.verbs import Verbs
from lab.errors import UsageError
from lab.report.terminal import make_console

if TYPE_CHECKING:
    from lab.supervisor.operations import OperationInfo, Parameter

_PROVIDERS = {"aws": "AWS", "alibaba": "Alibaba Cloud", "clock": "the lab's clock", "terminals": "people's own devices"}
_PASSWORD = "password"  # noqa: S105 - the parameter of this name
_EPILOG = (
    "Example: saglab call aws modify_network_interface_attribute --network-interface-id eni-0123456789abcdef0 "
    "--no-source-dest-check. Exit status: 0 done, 1 the provider refuses, 2 wrong usage."
)


def add_verbs(verbs: Verbs) -> None:
    call = verbs.add_parser(
        "call",
        help="make a call to a cloud of a lab; the network follows at once",
        description="Make a call, as the account's administrator or as somebody else. What the provider would refuse is refused "
        "with its code, and changes nothing.",
        epilog=_EPILOG,
    )
    add_lab(call)
    providers = call.add_subparsers(metavar="CLOUD", required=True)
    for provider, name in _PROVIDERS.items():
        offered = providers.add_parser(provider, help=f"the operations of {name}", epilog=_EPILOG)
        if _is_meant(provider):
            add_operations(provider, offered)


def with_our_names(arguments: Sequence[str]) -> list[str]:
    """`call aws run-instances`, as the provider's own command line has it, is `call aws run_instances` here."""
    words = list(arguments)
    if words[:1] != ["call"]:
        return words
    cloud = next((at for at, word in enumerate(words) if word in _PROVIDERS and words[at - 1] != "--lab"), len(words))
    return [word.replace("-", "_") if at == cloud + 1 and word[:1] != "-" else word for at, word in enumerate(words)]


def _is_meant(provider: str) -> bool:
    """Whether the command line, or the one being completed, speaks of a provider: more than a hundred parsers take time."""
    words = os.environ.get("COMP_LINE", "").split() or sys.argv
    return "call" in words and provider in words


def add_operations(provider: str, parser: argparse.ArgumentParser) -> Mapping[str, argparse.ArgumentParser]:
    """A parser for each operation, by its name."""
    from lab.supervisor.operations import operations

    offered = parser.add_subparsers(metavar="OPERATION", required=True)
    for name, operation in operations(provider).items():
        title = _sentence(operation.title).replace("%", "%%")  # which argparse reads as the start of a name
        one = offered.add_parser(name, help=title, description=_sentence(operation.text))
        for parameter in operation.parameters:
            _add_parameter(one, parameter)
        add_lab(one, again=True)
        one.add_argument(
            "--as",
            dest="identity",
            default="",
            metavar="WHO",
            help="who calls: an end user (li.lei), or the administrator of another account (partner/); default: that of main",
        )
        one.add_argument("--json", action="store_true", help="write the answer as JSON to standard output")
        one.add_argument("--id", action="store_true", help="write only the id of what was made, for a script")
        one.set_defaults(handler=_call, operation=operation)
    return offered.choices


def _sentence(text: str) -> str:
    return " ".join(text.split())


def _add_parameter(parser: argparse.ArgumentParser, parameter: Parameter) -> None:
    flag = "--" + parameter.name.replace("_", "-")
    told = "required" if parameter.required else f"default: {_told(parameter.default)}"
    dest = f"parameter_{parameter.name}"
    common: dict[str, Any] = {"dest": dest, "required": parameter.required, "default": argparse.SUPPRESS, "help": told}
    kinds = _kinds(parameter.kind)
    if parameter.name == _PASSWORD:
        parser.add_argument(flag, choices=["-"], **{**common, "help": f"- to be asked for it, or to read it; {told}"})
    elif bool in kinds:
        parser.add_argument(flag, action=argparse.BooleanOptionalAction, **common)
    elif any(get_origin(kind) is Literal for kind in kinds):
        parser.add_argument(flag, choices=[choice for kind in kinds for choice in get_args(kind)], **common)
    elif int in kinds:
        parser.add_argument(flag, type=int, metavar="N", **common)
    elif all(get_origin(kind) is Sequence for kind in kinds):
        parser.add_argument(flag, nargs="+", metavar="VALUE", **common)
    else:
        parser.add_argument(flag, metavar="VALUE", **common)


def _kinds(kind: Any) -> list[Any]:
    """The types that a parameter may have, without None."""
    members = get_args(kind) if get_origin(kind) in (Union, UnionType) else (kind,)
    return [member for member in members if member is not NoneType]


def _told(default: object) -> str:
    return "none" if default in (None, (), "") else str(default)


def _call(options: argparse.Namespace) -> int:
    from lab.cloud import CloudError, Identity
    from lab.report.answer import print_answer, print_refusal

    operation: OperationInfo = options.operation
    given = _given(vars(options))
    if _PASSWORD in given:
        given[_PASSWORD] = _read_password()
    lab = the_lab(options)
    console = make_console()
    try:
        with console.status(f"[dim]{operation.provider} {operation.name}[/dim]"):
            answer = lab.call(operation.provider, operation.name, given, Identity.of(options.identity))
    except CloudError as error:
        if options.json:
            print(json.dumps({"error": error.code, "message": error.message}, indent=2))
        else:
            print_refusal(make_console(stderr=True), error)
        return FAILED
    if options.json:
        print(json.dumps(answer, indent=2))
    elif options.id:
        print(_id_of(answer))
    else:
        print_answer(console, answer)
    return PASSED


def _id_of(answer: Any) -> str:
    """Raises UsageError for an answer that has none."""
    found = answer.get("id") if isinstance(answer, Mapping) else answer
    if not isinstance(found, str):
        raise UsageError("the call is made, and what it answers has no id; --json shows the answer")
    return found


def _read_password() -> str:
    """From the terminal, unseen, or a line of standard input: what stands on a command line, everybody on the machine may see."""
    return getpass("Password: ") if sys.stdin.isatty() else sys.stdin.readline().rstrip("\n")


def _given(options: Mapping[str, Any]) -> dict[str, Any]:
    prefix = "parameter_"
    return {name.removeprefix(prefix): value for name, value in options.items() if name.startswith(prefix)}
