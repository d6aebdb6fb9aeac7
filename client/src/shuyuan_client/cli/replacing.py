"""`shuyuan publish --replace`: all records of a resource loaded anew, the others deleted.

The exchange knows a replacement by the file: broken off anywhere, the same command with the same
file goes on with it within 24 hours. Nothing is deleted before everything was loaded.
"""

import hashlib
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from shuyuan_client.cli.progress import Meter
from shuyuan_client.cli.sending import Stopped
from shuyuan_client.failures import Failure, unusable_file
from shuyuan_client.http import ExchangeClient, Json, Refused
from shuyuan_client.refusals import InConflict, TooMany, Unavailable

# So often one file may replace everything within the life of an Idempotency-Key.
TIMES_MAX = 100
OPEN, COMMITTING = "open", "committing"
JOB_OPEN = frozenset({"queued", "running"})
LOOK_SECONDS = 0.5
SLOW_SECONDS = 30.0
FOLD_SECONDS = 600.0


def digest_of(file: Path) -> str:
    """Return what one file is known by; raises Failure for what can be read but once."""
    if not file.is_file():
        raise Failure(
            "全量替换须读取文件两次，不能使用管道。", "--replace reads the file twice: no pipe."
        )
    try:
        with file.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError as error:
        raise unusable_file(str(file), error) from error


class Replacing:
    """One full replacement of a resource."""

    def __init__(self, client: ExchangeClient, resource_id: str, meter: Meter) -> None:
        self._client, self._meter = client, meter
        self._path = f"/v1/resources/{resource_id}/replacements"
        self.id = ""
        self._job: str | None = None

    def begin(self, name: str, *, restart: bool) -> None:
        """Begin a replacement, or go on with the one of this name; raises Failure, Refused.

        Another one that is open is given up with `restart` alone.
        """
        if restart:
            self._give_up_open_ones()
        for nth in range(TIMES_MAX):
            key = hashlib.sha256(f"{name} {nth}".encode()).hexdigest()
            begun = self._begun(key)
            self.id = str(begun["replacement_id"])
            # The answer is that of the first try: how it stands by now is another matter.
            found = self._client.ask("GET", f"{self._path}/{self.id}")
            if found["status"] in (OPEN, COMMITTING):
                self._job = found["job_id"] if found["status"] == COMMITTING else None
                return
        raise Failure(
            "该文件近日已替换过多次；请用 --run 另取名称。",
            "This file has replaced everything too often; name another --run.",
        )

    def _begun(self, key: str) -> Json:
        try:
            return self._client.ask("POST", self._path, headers={"Idempotency-Key": key})
        except InConflict as refusal:
            if refusal.code != "replacement_open":
                raise
            raise self._open_elsewhere() from refusal

    def _open_elsewhere(self) -> Failure:
        began = ", ".join(str(each["began_at"]) for each in self._open_ones()) or "?"
        return Failure(
            f"该资源有以其他文件开始的全量替换尚未结束（始于 {began}）；确认无人在办理后，"
            "加 --restart 放弃它并重新开始。",
            f"A full replacement by another file is open (since {began}); if nobody works on it, "
            "give it up and begin anew with --restart.",
        )

    def _open_ones(self) -> list[Json]:
        found = self._client.ask("GET", self._path)["items"]
        return [each for each in found if each["status"] in (OPEN, COMMITTING)]

    def _give_up_open_ones(self) -> None:
        for each in self._open_ones():
            self._abort(str(each["replacement_id"]))

    def _abort(self, id_: str) -> None:
        key = {"Idempotency-Key": f"{id_}:abort"}
        self._client.ask("POST", f"{self._path}/{id_}/abort", headers=key)

    @contextmanager
    def loading(self) -> Iterator[None]:
        """Give it up where loading is refused; what is interrupted can be gone on with."""
        try:
            yield
        except (TooMany, Unavailable):
            raise
        except (Refused, Stopped):
            with suppress(Failure):
                self._abort(self.id)
            self._meter.say(
                "… 已放弃本次全量替换：没有删除任何记录，已载入的保留。",
                "… The replacement was given up: nothing was deleted, what was loaded stays.",
            )
            raise

    def finish(self, max_deletes: int | None) -> int:
        """Delete what was not loaded anew, and return how many; raises Failure over the cap."""
        if self._job is None:
            figures = self._figures(max_deletes)
            self._require_few(figures)
            self._job = self._commit(int(figures["max_deletes"]), dry_run=False)
        self._done(self._job)
        return int(self._client.ask("GET", f"{self._path}/{self.id}")["deletes"] or 0)

    def _figures(self, max_deletes: int | None) -> Json:
        job = self._commit(max_deletes, dry_run=True)
        self._done(job)
        figures = self._client.ask("GET", f"/v1/jobs/{job}/result")
        self._meter.say(
            f"… 现有 {figures['records']:,} 条，未再提供、将删除的有 {figures['deletes']:,} 条，"
            f"上限 {figures['max_deletes']:,} 条",
            f"… of {figures['records']:,} records {figures['deletes']:,} were not provided again "
            f"and would be deleted; the limit is {figures['max_deletes']:,}",
        )
        return figures

    def _require_few(self, figures: Json) -> None:
        deletes = int(figures["deletes"])
        if deletes > int(figures["max_deletes"]):
            raise Failure(
                f"将删除的记录超过上限，没有删除任何记录；确认无误后重复同一命令并加 "
                f"--max-deletes {deletes}。24 小时内不提交则自行结束，已载入的保留。",
                f"More would be deleted than the limit allows; nothing was. If that is right, "
                f"repeat the command with --max-deletes {deletes}; it ends by itself in 24 hours.",
            )

    def _commit(self, max_deletes: int | None, *, dry_run: bool) -> str:
        """Queue the job, as soon as the latest state has been gathered."""
        body = {} if max_deletes is None else {"max_deletes": max_deletes}
        deadline = time.monotonic() + FOLD_SECONDS
        while True:
            key = {"Idempotency-Key": uuid.uuid4().hex}
            params = {"dry_run": str(dry_run).lower()}
            try:
                path = f"{self._path}/{self.id}/commit"
                return str(
                    self._client.ask("POST", path, body, params=params, headers=key)["job_id"]
                )
            except InConflict as refusal:
                wait = refusal.retry_after_seconds
                if wait is None or time.monotonic() + wait > deadline:
                    raise
                time.sleep(max(wait, LOOK_SECONDS))

    def _done(self, job: str) -> None:
        """Wait for a job, however long it takes; raises Failure where it fails."""
        begun, is_told = time.monotonic(), False
        while True:
            found = self._client.ask("GET", f"/v1/jobs/{job}")
            if found["status"] not in JOB_OPEN:
                break
            if found["status"] == "queued" and not is_told and self._is_slow(begun):
                is_told = True
            time.sleep(LOOK_SECONDS)
        if found["status"] != "done":
            raise _failed(found)

    def _is_slow(self, begun: float) -> bool:
        if time.monotonic() - begun < SLOW_SECONDS:
            return False
        self._meter.say(
            "… 任务仍在排队；若一直如此，请联系平台运维。",
            "… The job is still queued; if it stays so, tell the exchange's operators.",
        )
        return True


def _failed(job: Json) -> Failure:
    problem = job.get("problem") or {"code": job["status"], "detail": ""}
    said = f"{problem['detail']} [{problem['code']}]"
    return Failure(
        f"全量替换未完成，没有放弃：{said}；解决后重复同一命令即可继续。",
        f"The replacement is not done, and not given up: {said}; repeat the command afterwards.",
    )
