from .context import *  # noqa: F403, D100
from .context import Context, ContextChange, Watch, current_context, no_grad, recording, scope, unwatched  # noqa
from .debug.lines import calling_line, is_library, shown  # noqa
from .node import Scope  # noqa
