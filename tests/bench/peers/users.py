"""GET /users/{id} from PostgreSQL, beside the health answer of app.py and inside its wrapper; for uvicorn.

BENCH_DATABASE is given by scripts/bench. asyncpg's own pool with its defaults: ten sessions a worker, statements prepared once
a session, each session reset when it is given back.
"""
import os

import asyncpg
from fastapi import HTTPException

from app import app


@app.on_event("startup")
async def connect() -> None:
    """A pool for each worker."""
    app.state.pool = await asyncpg.create_pool(os.environ["BENCH_DATABASE"])


@app.get("/users/{user_id}")
async def user(user_id: int) -> dict:
    """One row by its primary key."""
    row = await app.state.pool.fetchrow("select id, name, email from users where id = $1", user_id)
    if row is None:
        raise HTTPException(404, "There is no such user.")
    return dict(row)
