"""Домашняя работа так, как её видят люди: Formgrader преподавателя и Assignment List студента в настоящем Chromium."""

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import nbformat
import pytest
from grading.frame import grade_id
from playwright.sync_api import Browser, Page, expect, sync_playwright

from small_course import make_course, solved

pytestmark = pytest.mark.usefixtures("sandbox")
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "google-chrome", "chromium-browser"))), None)
TRICK = """<script>document.title = "взлом"</script> <img src="x" onerror="document.title = `взлом`">

<div onmouseover="document.title = 'взлом'">если $a<b$</div> [x](javascript:document.title='взлом')"""
expect.set_options(timeout=60_000)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    if not CHROMIUM:
        if os.environ.get("CI") == "true":
            raise RuntimeError("В CI нет Chromium: его ставит .ci/run.")
        pytest.skip("Chromium не найден: установите его (Debian и Ubuntu: sudo apt install chromium).")
    with sync_playwright() as playwright:
        yield playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])


@contextmanager
def jupyterlab(folder: Path, config: Path, exchange: Path) -> Iterator[str]:
    """Сервер JupyterLab с папкой folder; отдаёт его адрес и имя для подстановки страницы."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    env = os.environ | {
        "JUPYTER_CONFIG_PATH": str(config), "COURSE_EXCHANGE": str(exchange), "HOME": str(folder),
        "JUPYTER_CONFIG_DIR": str(folder / ".jupyter"), "JUPYTER_RUNTIME_DIR": str(folder / ".runtime"),
    }  # fmt: skip
    command = [
        sys.executable,
        "-m",
        "jupyterlab",
        str(folder),
        "--no-browser",
        "--allow-root",
        f"--port={port}",
    ]
    command += ["--IdentityProvider.token=t", "--ServerApp.ip=127.0.0.1"]
    log = folder.with_suffix(".log").open("w")
    server = subprocess.Popen(command, cwd=folder, env=env, stdout=log, stderr=subprocess.STDOUT)
    address = f"http://127.0.0.1:{port}/{{}}?token=t"
    try:
        for _ in range(240):
            try:
                urllib.request.urlopen(address.format("api"))
                break
            except OSError:
                time.sleep(0.5)
        yield address
    finally:
        server.terminate()
        server.wait(30)


def row(page: Page, name: str):
    return page.locator("tbody tr").filter(has_text=name)


def press(page: Page, name: str, column: str) -> None:
    """Нажимает на значок в столбце Formgrader и дожидается сообщения об успехе."""
    row(page, name).locator(f".{column} a").click()
    expect(page.locator("#success-modal .modal-title")).to_have_text("Success")
    page.locator("#success-modal button.btn-primary, #success-modal .close").first.click()
    expect(page.locator("#success-modal")).to_have_count(0)


def open_list(page: Page) -> None:
    page.get_by_role("menuitem", name="Nbgrader").click()
    page.get_by_text("Assignment List", exact=True).click()


def test_assignment_goes_round(tmp_path: Path, browser: Browser) -> None:
    course = make_course(tmp_path / "teacher")
    student, exchange = tmp_path / "student", tmp_path / "exchange"
    student.mkdir()
    exchange.mkdir()
    exchange.chmod(0o777)
    with (
        jupyterlab(tmp_path / "teacher", course, exchange) as teacher_address,
        jupyterlab(student, course, exchange) as student_address,
    ):
        # Преподаватель собирает работу и раздаёт её
        teacher = browser.new_page()
        teacher.goto(teacher_address.format("formgrader"))
        press(teacher, "small", "assign")
        press(teacher, "small", "release")

        # Студент получает её, проверяет пустую и узнаёт, что не сделано
        lab = browser.new_page()
        lab.goto(student_address.format("lab"))
        open_list(lab)
        lab.locator("#released_assignments_list").get_by_role("button", name="Fetch").click()
        expect(lab.locator("#fetched_assignments_list")).to_contain_text("small")
        path = student / "small" / "small.ipynb"
        assert "BEGIN" not in path.read_text(encoding="utf-8")
        lab.locator(
            "#fetched_assignments_list a.collapsed, #fetched_assignments_list .collapsed"
        ).first.click()
        lab.locator("#fetched_assignments_list").get_by_role("button", name="Validate").first.click()
        expect(lab.locator("body")).to_contain_text("Задание ещё не сделано.")
        lab.keyboard.press("Escape")

        # Пишет ответы, проверяет ещё раз и сдаёт
        nb = solved(course)
        next(cell for cell in nb.cells if grade_id(cell) == "words").source = f"Мой ответ. {TRICK}"
        nbformat.write(nb, path)
        lab.locator("#fetched_assignments_list").get_by_role("button", name="Validate").first.click()
        expect(lab.locator("body")).to_contain_text("Success! Your notebook passes all the tests.")
        lab.keyboard.press("Escape")
        lab.locator("#fetched_assignments_list").get_by_role("button", name="Submit").click()
        expect(lab.locator("#submitted_assignments_list")).to_contain_text("small")

        # Преподаватель забирает, проверяет, читает ответ и ставит за него балл
        press(teacher, "small", "collect")
        row(teacher, "small").locator(".num-submissions a").click()
        press(teacher, "root", "autograde")
        expect(row(teacher, "root").locator(".score")).to_have_text("3 / 4")
        expect(row(teacher, "root").locator(".status")).to_have_text("needs manual grading")
        teacher.goto(teacher_address.format("formgrader/gradebook/small/small"))
        teacher.get_by_role("link", name="Submission #1").click()
        expect(teacher.locator("body")).to_contain_text("Мой ответ.")
        teacher.wait_for_timeout(1000)
        assert teacher.locator("[onmouseover], [onerror], a[href^=javascript]").count() == 0
        assert teacher.title() != "взлом", "разметка из ответа студента выполнилась у преподавателя"
        mark = teacher.locator("#words")
        mark.fill("1")
        mark.press("Tab")
        teacher.wait_for_timeout(1000)
        teacher.goto(teacher_address.format("formgrader/manage_submissions/small"))
        expect(row(teacher, "root").locator(".score")).to_have_text("4 / 4")
        press(teacher, "root", "generate-feedback")
        press(teacher, "root", "release-feedback")

        # Студент получает отзыв и открывает его без сети
        lab.reload()
        open_list(lab)
        lab.locator("#submitted_assignments_list").get_by_role("button", name="Fetch Feedback").first.click()
        expect(lab.locator("#submitted_assignments_list")).to_contain_text("(view feedback)")
        page = next(student.rglob("feedback/**/small.html"))
        offline = browser.new_context(offline=True).new_page()
        offline.goto(page.as_uri())
        expect(offline.locator("body")).to_contain_text("Баллы: 4 из 4")
        assert offline.locator("math").first.bounding_box()["width"] > 5, "формула не нарисована"
        assert offline.title() == "Проверочная работа — root"
