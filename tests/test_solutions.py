"""Решения упражнений: у каждого упражнения урока есть решение, и каждое выполняется строгим nbval в quick."""

import re
from pathlib import Path

import nbformat
import pytest

from conftest import ROOT
from hygiene import CHECKS
from learning import claims, run_without_learning
from nbval_run import run_nbval
from test_hygiene import problems_of
from test_language import english_paragraphs, forbidden_uses, glossary, notebook_text
from test_links import SETUP

LESSONS = sorted((ROOT / "notebooks").glob("[0-9][0-9]-*.ipynb"))
SOLUTIONS = {path.name: path for path in (ROOT / "notebooks" / "solutions").glob("*.ipynb")}
