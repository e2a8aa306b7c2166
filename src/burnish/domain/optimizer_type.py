"""Which optimizers there are: one table, from which everything that lists them follows.

The classes themselves stand in ``burnish.optimizers`` and are imported when a job asks for them
(``optimizers.registry``). The table stands here because the wire, the SDK and the store need the names
too, and none of them may know the classes.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from burnish.errors import InvalidInput, did_you_mean

WIRE_PREFIX = "OPTIMIZER_TYPE_"
FIRST_OWN_NUMBER = 100  # what stands below is MLflow's

EDITS_SPLIT = (0.45, 0.2, 0.35)
"""FACTORIAL learns and chooses on the training examples and validates one prompt: the test gets the rest."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OptimizerInfo:
    """One optimizer, as it is registered.

    Attributes:
        wire_number: of ``OPTIMIZER_TYPE_<name>`` in ``prompt_optimization.proto``; ours begin at 100.
        implementation: ``module:Class``.
        changes: what of a prompt it changes. This and the next two are shown by
            ``docs/optimizers.md``, the API's catalog and the page.
        second_model: whether it takes a reflection model or a teacher.
        choose_when: when it is the right one.
        needs_data: it cannot work without a dataset.
        split: shares of train, validation and test where a job names none: by how it uses the data.
    """

    wire_number: int
    implementation: str
    changes: str
    second_model: str
    choose_when: str
    needs_data: bool = True
    split: tuple[float, float, float] = (0.5, 0.25, 0.25)


class OptimizerType(StrEnum):
    """Every optimizer. A new one is a line here, and the class that the line names.

    The value is the name on the wire without ``OPTIMIZER_TYPE_``; the order is that of tables and help.
    """

    info: OptimizerInfo
    _value_: str

    def __new__(cls, name: str, info: OptimizerInfo | None = None) -> OptimizerType:
        assert info is not None  # the default is for type checkers, who see OptimizerType("GEPA") too
        member = str.__new__(cls, name)
        member._value_ = name
        member.info = info
        return member

    JOINT_SEARCH = (
        "JOINT_SEARCH",
        OptimizerInfo(
            wire_number=102,
            implementation="burnish.optimizers.joint_search.optimizer:JointSearch",
            changes="instruction, answer format, layout, demonstrations",
            second_model="if you like",
            choose_when=(
                "you want a good answer for few calls; labels, numbers, JSON or short texts are expected"
            ),
        ),
    )
    FACTORIAL = (
        "FACTORIAL",
        OptimizerInfo(
            wire_number=103,
            implementation="burnish.optimizers.factorial.optimizer:Factorial",
            changes="small edits: rules, formats, wording, layout, demonstrations",
            second_model="if you like",
            choose_when=(
                "a model can write edits, and you want the most for your calls and to see what each is worth"
            ),
            split=EDITS_SPLIT,
        ),
    )
    AUTO = (
        "AUTO",
        OptimizerInfo(
            wire_number=104,
            implementation="burnish.optimizers.auto:Auto",
            changes="as the one it chooses",
            second_model="if you like",
            choose_when="you do not want to choose; it takes factorial or joint-search, and says why",
            split=EDITS_SPLIT,
        ),
    )
    FEW_SHOT = (
        "FEW_SHOT",
        OptimizerInfo(
            wire_number=101,
            implementation="burnish.optimizers.few_shot.optimizer:FewShot",
            changes="demonstrations only",
            second_model="if you like",
            choose_when="the instruction must stay, and examples say best what is wanted",
        ),
    )
    METAPROMPT = (
        "METAPROMPT",
        OptimizerInfo(
            wire_number=2,
            implementation="burnish.optimizers.metaprompt:Metaprompt",
            changes="the whole wording",
            second_model="yes",
            choose_when="a strong model should rewrite the prompt from its failures; also without any data",
            needs_data=False,
        ),
    )
    GEPA = (
        "GEPA",
        OptimizerInfo(
            wire_number=1,
            implementation="burnish.optimizers.gepa.optimizer:Gepa",
            changes="the whole wording",
            second_model="yes",
            choose_when="the budget allows hundreds of calls, and answers can be wrong in many ways",
        ),
    )
    DISTILLATION = (
        "DISTILLATION",
        OptimizerInfo(
            wire_number=3,
            implementation="burnish.optimizers.distillation:Distillation",
            changes="as its student",
            second_model="the teacher",
            choose_when="a better prompt or model exists and is too dear to run",
        ),
    )

    @classmethod
    def parse(cls, text: str) -> OptimizerType:
        """The optimizer of a name as people and the wire write it.

        Args:
            text: ``joint-search``, ``JOINT_SEARCH``, ``OPTIMIZER_TYPE_JOINT_SEARCH``, in any case.

        Raises:
            InvalidInput: unknown; lists the known ones.
        """
        name = text.strip().upper().replace("-", "_").replace(" ", "_").removeprefix(WIRE_PREFIX)
        try:
            return cls(name)
        except ValueError:
            known = [kind.cli_name for kind in cls]
            near = did_you_mean(name.replace("_", "-"), known)
            remedy = f"there is no such optimizer; known are {', '.join(known)}{near}"
            raise InvalidInput.of("optimizer_type", text, remedy) from None

    @property
    def wire_name(self) -> str:
        """As the wire and MLflow write it: ``OPTIMIZER_TYPE_JOINT_SEARCH``."""
        return f"{WIRE_PREFIX}{self.value}"

    @property
    def cli_name(self) -> str:
        """As people write it: ``joint-search``."""
        return self.value.lower().replace("_", "-")

    @property
    def is_mlflow(self) -> bool:
        """Whether MLflow's clients know it."""
        return self.info.wire_number < FIRST_OWN_NUMBER
