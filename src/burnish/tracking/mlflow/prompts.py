"""Prompt versions and their aliases in MLflow's registry."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from burnish.domain.prompt import Prompt, Template, template_from_json, template_to_json
from burnish.errors import InvalidInput, NotFound
from burnish.tracking.description import JOB_TAG
from burnish.tracking.mlflow.connection import Connection
from burnish.tracking.names import check_alias, check_prompt_name, check_prompt_text, split_prompt_uri

_MAX_VERSION = 2**31 - 1  # MLflow's column
_EXPERIMENTS_TAG = "_mlflow_experiment_ids"  # lists the prompt on the experiment's Prompts tab
_PROMPT_TAG = "mlflow.prompt.is_prompt"  # without it a search leaves prompts out


class Prompts:
    """Prompt versions over one connection."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._shown: set[tuple[str, str]] = set()

    def get(self, uri: str) -> Prompt:
        """
        Raises:
            NotFound, InvalidInput
        """
        name, which = split_prompt_uri(uri)
        found = self._find(name, which, uri)
        if found is None:
            raise NotFound("prompt", uri)
        return to_prompt(found)

    def version(self, uri: str) -> tuple[str, int]:
        """Name and version that a URI means; an alias is looked up.

        Raises:
            NotFound, InvalidInput
        """
        name, which = split_prompt_uri(uri)
        return (name, which) if isinstance(which, int) else version_of(self.get(uri))

    def ensure(self, prompt: Prompt) -> Prompt:
        """The latest version if it says the same, else a new one."""
        check_prompt_name(prompt.name)
        latest = self._find(prompt.name, "latest", prompt.name)
        if latest is not None and _same(to_prompt(latest), prompt):
            return to_prompt(latest)
        return self.register(prompt, message="Registered by Burnish from a file")

    def find_of_job(
        self, job_id: str, name: str, template: Template, made: Prompt | None = None
    ) -> Prompt | None:
        """The first version that this job has registered with exactly this template.

        Args:
            made: one that it has just made, which need not be read again.
        """
        with self._connection.registry("prompt", name) as registry:
            versions = registry.search_model_versions(
                filter_string=(
                    f"name = '{name}' AND tag.`{JOB_TAG}` = '{job_id}' AND tag.`{_PROMPT_TAG}` = 'true'"
                ),
                max_results=100,
                order_by=["version_number ASC"],
            )
            numbers = [int(version.version) for version in versions]
        for number in numbers:
            if made is not None and version_of(made)[1] == number:
                return made
            found = self._find(name, number, name)
            if found is not None and to_prompt(found).template == template:
                return to_prompt(found)
        return None

    def register(self, prompt: Prompt, message: str, tags: Mapping[str, str] | None = None) -> Prompt:
        """A new version; the prompt is made where there is none (any more). ``tags`` are the version's, not
        the prompt's."""
        check_prompt_name(prompt.name)
        check_prompt_text(prompt.template)
        try:
            return self._register(prompt, message, tags or {})
        except NotFound:
            with self._connection.registry("prompt", prompt.name) as registry:
                _create(registry, prompt.name)
            return self._register(prompt, message, tags or {})

    def _register(self, prompt: Prompt, message: str, tags: Mapping[str, str]) -> Prompt:
        from pydantic import ValidationError

        try:
            with self._connection.registry("prompt", prompt.name) as registry:
                version = registry.create_prompt_version(
                    name=prompt.name,
                    template=template_to_json(prompt.template),
                    description=message,
                    tags=dict(tags),
                    response_format=dict(prompt.response_format) if prompt.response_format else None,
                    model_config=_flat(prompt.model_config) or None,
                )
        except ValidationError as error:
            problem = error.errors()[0]
            raise InvalidInput.of(
                "prompt.model_config." + ".".join(map(str, problem["loc"])), problem["input"], problem["msg"]
            ) from error
        return to_prompt(version)

    def delete(self, prompt: Prompt) -> None:
        """Remove a version; one that is already gone is skipped."""
        assert prompt.uri is not None
        name, version = split_prompt_uri(prompt.uri)
        try:
            with self._connection.registry("prompt", prompt.uri) as registry:
                registry.delete_prompt_version(name, version)
        except NotFound:
            return

    def show_in_experiment(self, name: str, experiment_id: str) -> None:
        """List the prompt on the experiment's Prompts tab."""
        if (name, experiment_id) in self._shown:  # by an earlier job of this process
            return
        with self._connection.turn(name), self._connection.registry("prompt", name) as registry:
            tags = registry.get_registered_model(name)._tags
            shown = [part for part in tags.get(_EXPERIMENTS_TAG, "").split(",") if part]
            if experiment_id not in shown:
                registry.set_prompt_tag(name, _EXPERIMENTS_TAG, f",{','.join([*shown, experiment_id])},")
        self._shown.add((name, experiment_id))

    def set_alias(self, name: str, alias: str, version: int) -> int | None:
        """Returns the version the alias pointed at before."""
        check_prompt_name(name)
        check_alias(alias)
        uri = f"prompts:/{name}/{version}"
        with self._connection.registry("prompt", uri) as registry:
            if self._find(name, version, uri) is None:
                raise NotFound("prompt", uri)
            before = self._find(name, alias, uri)
            registry.set_prompt_alias(name, alias, version)
        return before.version if before is not None else None

    def _find(self, name: str, which: int | str, shown: str) -> Any:
        """MLflow's version object, or ``None``; ``which`` is a version, an alias or ``latest``."""
        impossible = not 0 < which <= _MAX_VERSION if isinstance(which, int) else which.isdigit()
        if impossible:
            return None
        try:
            with self._connection.registry("prompt", shown) as registry:
                from mlflow.exceptions import MlflowException

                try:
                    return registry.get_prompt_version(name, which)
                except MlflowException as error:
                    # A missing alias is INVALID_PARAMETER_VALUE to MLflow; so is the name of a model.
                    if "alias" in str(error).lower() and isinstance(which, str):
                        return None
                    raise
        except NotFound:
            return None


def version_of(prompt: Prompt) -> tuple[str, int]:
    """Name and version of a registered prompt."""
    assert prompt.uri is not None
    name, version = split_prompt_uri(prompt.uri)
    return name, int(version)


def _create(registry: Any, name: str) -> None:
    from mlflow.exceptions import MlflowException

    try:
        registry.create_prompt(name)
    except MlflowException as error:  # made by another just now, or there without versions
        if error.error_code != "RESOURCE_ALREADY_EXISTS":
            raise


def to_prompt(version: Any) -> Prompt:
    from mlflow.entities.model_registry import PromptModelConfig

    stored = version.model_config or {}
    extra = {key: value for key, value in stored.items() if key not in PromptModelConfig.model_fields}
    config = {key: value for key, value in stored.items() if key not in extra}
    if extra:
        config["extra_params"] = extra
    return Prompt(
        name=version.name,
        template=template_from_json(version.template, version.uri),
        uri=version.uri,
        model_config=config,
        response_format=version.response_format,
    )


def _flat(config: Mapping[str, Any]) -> dict[str, Any]:
    """MLflow stores ``extra_params`` beside the known settings."""
    known = {key: value for key, value in config.items() if key != "extra_params" and value is not None}
    return {**known, **(config.get("extra_params") or {})}


def _same(one: Prompt, other: Prompt) -> bool:
    return (
        one.template == other.template
        and _flat(one.model_config) == _flat(other.model_config)
        and (one.response_format or None) == (other.response_format or None)
    )
