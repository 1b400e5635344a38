"""What emovec brings to Inspect, found through the entry point `inspect_ai`: the provider and two tasks."""

from inspect_ai.model import ModelAPI, modelapi

from emovec.steering.inspect.tasks import preferences as preferences
from emovec.steering.inspect.tasks import rules as rules


@modelapi(name="emovec")
def emovec() -> type[ModelAPI]:
    """The provider; PyTorch and transformers load only once a model of it is asked for."""
    from emovec.steering.inspect.provider import EmovecAPI

    return EmovecAPI
