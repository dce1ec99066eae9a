"""A daily crawl as an Airflow DAG (Airflow 3).

The crawl is a sensor, because a sensor can be asked again later: exit code 75 means that a limit
paused the crawl, and the same command goes on where it stopped. Between two attempts the sensor
occupies no worker.

    exit code    what the sensor does
    0            succeeds
    3            succeeds; the task `report_missing` fails and names what is missing
    4            fails without retries: somebody has to decide whether the rows may disappear
    2            fails without retries: configuration, credentials or permissions are wrong
    75, 130      is asked again in ten minutes
    1            fails, and is retried

All tasks need the same state folder, so run them on one worker, or keep the state on a volume that
moves with them.
"""

import json
import os
import subprocess
import tempfile
from datetime import datetime, timedelta
from pathlib import Path

from airflow.sdk import PokeReturnValue, dag, task
from airflow.sdk.exceptions import AirflowFailException

# Options for `fortilake crawl`, such as `--simulate` to try this without an account.
OPTIONS = os.environ.get(
    "FORTILAKE_OPTIONS",
    "--config /etc/fortilake/fortilake.toml --state /var/lib/fortilake/state",
).split()



@dag(
    schedule="0 5 * * *",
    start_date=datetime(2026, 1, 1),
    catchup=False,
    max_active_runs=1,
)
def fortilake():
    @task.sensor(
        mode="reschedule",
        poke_interval=600,
        timeout=12 * 3600,
        retries=3,
        retry_delay=timedelta(minutes=15),
    )
    def crawl() -> PokeReturnValue:
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "summary.json"
            command = ["fortilake", "crawl", *OPTIONS, "--summary", str(file)]
            code = subprocess.run(command, check=False).returncode
            # The file is missing only if the process was killed before it could start.
            summary = json.loads(file.read_text()) if file.exists() else {}
        reason = summary.get("reason")
        if code in (0, 3):
            kept = {name: summary[name] for name in ("snapshot", "complete", "failed", "tables")}
            return PokeReturnValue(is_done=True, xcom_value=kept)
        if code in (75, 130):
            return PokeReturnValue(is_done=False)
        if code in (2, 4):
            raise AirflowFailException(f"exit code {code}: {reason}")
        raise RuntimeError(f"exit code {code}: {reason}")

    @task
    def load(summary: dict) -> None:
        """The place for whatever reads the snapshot."""
        print(f"snapshot {summary['snapshot']} has {summary['tables']['products']} products")

    @task
    def report_missing(summary: dict) -> None:
        if not summary["complete"]:
            raise AirflowFailException(f"the snapshot is partial: {summary['failed']}")

    summary = crawl()
    load(summary)
    report_missing(summary)


fortilake()
