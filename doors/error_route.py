"""Routes whose errors are told in the words of another protocol than RFC 9457."""

from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import Request, Response
from fastapi.routing import APIRoute

from protocol.errors import TallyError, UnavailableError


def error_route(answer: Callable[[TallyError, str], Response]) -> type[APIRoute]:
    """The `route_class` of routes whose errors `answer` tells, given the error and the path of the route.

    Where nothing is wrong with the request, it is a problem with status 503, as everywhere.
    """

    class ErrorRoute(APIRoute):
        def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
            handle = super().get_route_handler()

            async def handle_or_answer(request: Request) -> Response:
                try:
                    return await handle(request)
                except UnavailableError:
                    raise
                except TallyError as error:
                    return answer(error, self.path)

            return handle_or_answer

    return ErrorRoute
