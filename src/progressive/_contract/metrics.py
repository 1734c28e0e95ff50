"""What every `MetricsProvider` promises.

Floor 5. Inherit from `MetricsContract` in a class named ``Test…`` and give `arrange`.
"""

from __future__ import annotations

import math
from datetime import timedelta

from attrs import evolve

from progressive._model.checks import MetricCheck, Question, Sample
from progressive.errors import MetricsError
from progressive.ports import MetricsProvider


class MetricsContract:
    """
    Promises of a provider; each test arranges its own.
    """

    def arrange(self) -> tuple[MetricsProvider, Question]:
        """A provider, and a question that it answers with a number."""
        raise NotImplementedError("return a provider and a question")

    def silent(self) -> Question | None:
        """A question about something that was never measured; None: there is none."""
        return None

    def unreachable(self) -> MetricsProvider | None:
        """A provider whose server is gone; None: it has no server."""
        return None

    def test_a_number_comes_with_what_was_asked(self) -> None:
        """
        A person who looks at a rollback must be able to ask again by hand.
        """
        provider, question = self.arrange()
        sample = provider.sample(question)

        assert isinstance(sample, Sample)
        assert sample.value is not None and not math.isnan(sample.value)
        assert sample.cause is None
        assert sample.query

    def test_the_window_does_not_reach_before_the_weight_took_effect(self) -> None:
        """
        The sample would hold the behaviour of another weight.
        """
        provider, question = self.arrange()
        if question.at is None:
            return
        since = question.at - timedelta(seconds=5)
        sample = provider.sample(evolve(question, since=since))

        assert sample.window is None or sample.window <= timedelta(seconds=5)

    def test_silence_is_a_sample_with_a_cause(self) -> None:
        """
        No traffic at night is no exception, and no failure.
        """
        provider, _ = self.arrange()
        question = self.silent()
        if question is None:
            return
        sample = provider.sample(question)

        assert sample.value is None
        assert sample.cause is not None

    def test_a_server_that_is_gone_is_an_error_that_may_pass(self) -> None:
        """
        The run holds the weight and asks again.
        """
        provider, (_, question) = self.unreachable(), self.arrange()
        if provider is None:
            return
        error = _refusal(provider, question)

        assert error is not None and error.transient

    def test_a_built_in_check_of_an_unknown_mesh_is_refused(self) -> None:
        """
        Series of another mesh would be read as silence, and silence holds a release for ever.
        """
        provider, question = self.arrange()
        check = MetricCheck.success_rate(at_least=99)
        error = _refusal(provider, evolve(question, check=check, dialect="no such mesh"))

        assert error is not None and not error.transient


def _refusal(provider: MetricsProvider, question: Question) -> MetricsError | None:
    try:
        provider.sample(question)
    except MetricsError as error:
        return error
    return None
