"""What is known of one kind of model server outside its own file."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from burnish.llm.protocol import Provider

FREE = "free"
"""In the place of a price list: it runs on the user's own machine."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderInfo:
    """One kind of model server. Everything else (registry, prices, model configs, doctor) reads from here.

    Attributes:
        scheme: of its model URIs, ``SCHEME:/NAME``.
        make: a provider from this info, another base URL or ``None``, and the environment.
        keys: variables that may hold its key, the first that is set counts; none: it wants no key.
        key_optional: whether it answers without one.
        url_variable: variable with another address than ``default_url``.
        prices: id of its price list in genai-prices, :data:`FREE`, or ``None`` where prices are not known.
        aliases: what MLflow's model configs and URIs call it besides.
        bundled: names of models that come with Burnish.
        check_model: raises InvalidInput, with the remedy, where a model certainly cannot answer.
    """

    scheme: str
    make: Callable[[ProviderInfo, str | None, Mapping[str, str]], Provider]
    keys: tuple[str, ...] = ()
    key_optional: bool = False
    url_variable: str = ""
    default_url: str = ""
    prices: str | None = None
    aliases: tuple[str, ...] = ()
    bundled: tuple[str, ...] = ()
    check_model: Callable[[str], None] = lambda name: None

    def open(self, base_url: str | None, environment: Mapping[str, str]) -> Provider:
        """A provider.

        Args:
            base_url: instead of the environment's; already checked against the operator's list.
            environment: read at each call, so that a changed key works without a restart.
        """
        return self.make(self, base_url, environment)

    def wants_key(self, base_url: str) -> bool:
        """Whether the server there answers only with a key; one at another address may do without."""
        return bool(self.keys) and not self.key_optional and base_url in ("", self.default_url)

    def lacks_key(self, environment: Mapping[str, str]) -> bool:
        """Whether its models cannot answer, since a key is missing."""
        base_url = (environment.get(self.url_variable) or self.default_url).strip().rstrip("/")
        return self.wants_key(base_url) and self.find_key(environment) is None

    def find_key(self, environment: Mapping[str, str]) -> tuple[str, str] | None:
        """The variable that holds a key, and the key, without the white space that files and shells add."""
        for name in self.keys:
            if key := environment.get(name, "").strip():
                return name, key
        return None
