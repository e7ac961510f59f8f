"""Command line: `python3 -m ledger load|report`."""

import argparse
import json
import sys

from ledger import __version__, reports
from ledger.columns import Columns
from ledger.errors import LedgerError
from ledger.loader import load_file
from ledger.readers import expand
from ledger.store import Store


def build_parser():
    parser = argparse.ArgumentParser(prog="ledger", description="Load posting batches and report on them.")
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(dest="command", required=True)

    load = commands.add_parser("load", help="load batch files or directories of them")
    load.add_argument("--db", required=True, help="SQLite file, created when missing")
    load.add_argument("--json", action="store_true", help="print one JSON object per file")
    load.add_argument("--columns", metavar="PATH", help="names of columns, instead of config/columns.json")
    load.add_argument("paths", nargs="+", metavar="FILE", help="batch file or directory")

    report = commands.add_parser("report", help="print a report")
    report.add_argument("name", choices=sorted(reports.COLUMNS))
    report.add_argument("--db", required=True)
    report.add_argument("--format", choices=("text", "json", "csv"), default="text")
    report.add_argument("--account", help="only this account (postings report)")
    return parser


def main(argv=None):
    args = build_parser().parse_args(argv)
    store = Store(args.db)
    try:
        if args.command == "load":
            return run_load(store, args)
        rows = reports.build(store, args.name, args.account)
        reports.write(rows, args.name, args.format, sys.stdout)
        return 0
    except LedgerError as error:
        print(f"ledger: {error}", file=sys.stderr)
        return 1
    finally:
        store.close()


def run_load(store, args):
    columns = Columns.read(args.columns)
    refused = False
    for path in expand(args.paths):
        result = load_file(store, path, columns)
        refused = refused or result.status == "refused"
        print(json.dumps(result._asdict(), ensure_ascii=False) if args.json else describe(result), flush=True)
    return 1 if refused else 0


def describe(result):
    """One line for people."""
    if result.status == "applied":
        return f"loaded {result.new} rows from {result.file}, {result.duplicate} already known"
    if result.status == "already-applied":
        return f"skipped {result.file}: loaded before"
    return f"refused {result.file}: {result.error}"
