"""Patch[User]: the body of a PATCH request, as a type."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from typing import Generic

    from pydynox._declaration.pydantic_patch import ModelPatch
    from pydynox._shared.typing import Row_co

    class Patch(ModelPatch, Generic[Row_co]):
        """The type of ``User.model_patch()``, as type checkers see it."""

else:

    class Patch:
        """``Patch[User]`` is ``User.model_patch()``: what a PATCH may change, every attribute optional.

        Example:
            >>> @app.patch("/users/{user_id}")
            ... async def change(user_id: str, patch: Patch[User]) -> User:
            ...     return await User.key(user_id).update(*patch.model_actions())
        """

        def __class_getitem__(cls, model: Any) -> Any:
            return model.model_patch()
