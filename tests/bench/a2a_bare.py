"""What our A2A is compared with: the official SDK, its tasks in memory, an agent without work.

`python -m tests.bench.a2a_bare PORT`. Nobody is asked who they are, and nothing is kept.
"""

from __future__ import annotations

import sys

import uvicorn
from a2a.helpers import new_task_from_user_message
from a2a.server.agent_execution.agent_executor import AgentExecutor
from a2a.server.agent_execution.context import RequestContext
from a2a.server.events.event_queue import EventQueue
from a2a.server.request_handlers import DefaultRequestHandler
from a2a.server.routes import create_agent_card_routes, create_jsonrpc_routes
from a2a.server.tasks import InMemoryTaskStore, TaskUpdater
from a2a.types import AgentCapabilities, AgentCard, AgentInterface, AgentSkill, Part
from starlette.applications import Starlette

ANSWER = "There is nothing to do."


class NoWork(AgentExecutor):
    """Has its answer at once."""

    async def execute(self, context: RequestContext, event_queue: EventQueue) -> None:
        assert context.message is not None
        task = context.current_task or new_task_from_user_message(context.message)
        await event_queue.enqueue_event(task)
        updater = TaskUpdater(event_queue, task.id, task.context_id)
        await updater.add_artifact([Part(text=ANSWER)], name="answer")
        await updater.complete()

    async def cancel(self, context: RequestContext, event_queue: EventQueue) -> None:
        await TaskUpdater(event_queue, str(context.task_id), str(context.context_id)).cancel()


def card(url: str) -> AgentCard:
    return AgentCard(
        name="bare",
        description="The bare SDK",
        version="1",
        supported_interfaces=[
            AgentInterface(url=url, protocol_binding="JSONRPC", protocol_version="1.0")
        ],
        capabilities=AgentCapabilities(streaming=True, push_notifications=False),
        default_input_modes=["text/plain"],
        default_output_modes=["text/plain"],
        skills=[AgentSkill(id="none", name="None", description="Nothing", tags=["none"])],
    )


def main() -> None:
    port = int(sys.argv[1])
    shown = card(f"http://127.0.0.1:{port}/")
    handler = DefaultRequestHandler(NoWork(), InMemoryTaskStore(), shown)
    routes = [
        *create_agent_card_routes(shown),
        *create_jsonrpc_routes(handler, "/", enable_v0_3_compat=True),
    ]
    uvicorn.run(Starlette(routes=routes), port=port, log_level="warning")


if __name__ == "__main__":
    main()
