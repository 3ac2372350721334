# Команды курса; `make` без аргументов показывает список.
PYTHON := .venv/bin/python
# Чужие настройки Python не должны попадать в окружение курса.
unexport PYTHONPATH PYTHONHOME

.DEFAULT_GOAL := help
.PHONY: help environment lab coursework grade test test-learning test-memory test-coursework run bench record images links lock clean

help: ## показать этот список
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' Makefile

# Отметка о готовом окружении зависит от версий и места проекта (в .venv записаны полные пути); она ставится последней,
# поэтому прерванную сборку начнёт заново следующая команда. Окружение, чей Python не запускается, тоже собирается заново.
READY := .venv/ready-$(shell (pwd; cat requirements*.txt tools/environment.sh) | cksum | cut -d ' ' -f 1)
$(shell .venv/bin/python -I -c 'import pip' 2>/dev/null || rm -f .venv/ready-*)

environment: $(READY)
	@:

$(READY):
	@sh tools/environment.sh
	@touch $@

lab: environment ## собрать окружение и открыть блокноты в JupyterLab
	@$(PYTHON) -m jupyter labextension disable --level=sys_prefix "@jupyterlab/apputils-extension:announcements" >/dev/null 2>&1
	@JUPYTER_CONFIG_PATH=notebooks/coursework $(PYTHON) -m jupyterlab notebooks --ServerApp.ip=127.0.0.1 --ServerApp.allow_root=True

coursework: environment ## собрать домашние работы для студентов и доказать, что проверки верны
	@cd notebooks/coursework && ../../$(PYTHON) -m grading build

grade: environment ## собрать и проверить сданные работы: make grade JOBS=2
	@cd notebooks/coursework && ../../$(PYTHON) -m grading grade

test: export COURSE_PROFILE = quick
test: environment ## собрать окружение и выполнить все проверки
	@$(PYTHON) -m pytest tests -n 2 --dist loadfile

test-learning: export COURSE_PROFILE = quick
test-learning: environment ## проверить, что без обучения и с ошибками в нём блокноты и решения падают (долго)
	@$(PYTHON) -m pytest tests -m weekly -n 2

test-coursework: environment ## проверить проверку домашних работ: все решения и тридцать студентов (долго)
	@$(PYTHON) -m pytest tests -m coursework -n 2 --dist loadfile

test-memory: environment ## выполнить блокноты в условиях Binder: 2 ГиБ вместе с сервером, одно ядро (нужен root)
	@$(PYTHON) tools/binder_memory.py

run: environment ## выполнить все блокноты: make run PROFILE=quick|cpu|gpu
	@$(PYTHON) tools/run_notebooks.py $(if $(PROFILE),--profile $(PROFILE))

bench: environment ## измерить время и память каждого блокнота; переводчик 01 — рядом с моделью из руководства TensorFlow
	@$(PYTHON) tools/bench.py
	@cd tools && ../$(PYTHON) -m experiments.rnn

# TF_USE_LEGACY_KERAS нужна блокнотам 06 и 07; остальным безразлична: они зовут keras, а не tf.keras
record: export TF_USE_LEGACY_KERAS = 1
record: environment ## сделать долгие измерения для notebooks/data/results.csv (в фоне)
	@mkdir -p build
	@nohup $(PYTHON) -u tools/record.py > build/record.log 2>&1 & \
	echo "Измеряется в фоне; ход — в build/record.log. Прерванное продолжит та же команда."

images: environment ## нарисовать все иллюстрации заново
	@$(PYTHON) images/draw.py

links: ## вписать адрес репозитория: make links REPO=владелец/название
	@echo '$(REPO)' | grep -qE '^[A-Za-z0-9_.-]+/[A-Za-z0-9_.-]+$$' || { echo "Напишите make links REPO=владелец/название."; exit 1; }
	@old=$$(sed -n 's/^repository = "\(.*\)".*/\1/p' pyproject.toml) && \
	perl -pi -e "s{(?<![\w.-])\Q$$old\E(?![\w.-])}{$(REPO)}g" pyproject.toml README.md notebooks/[0-9]*.ipynb notebooks/solutions/*.ipynb \
	notebooks/coursework/README.md notebooks/coursework/source/*/*.ipynb
	@echo "Ссылки ведут в репозиторий $(REPO)."

lock: environment ## пересобрать requirements*.txt по pyproject.toml
	@$(PYTHON) tools/lock.py

clean: ## удалить окружение и всё, что получилось при запусках
	@rm -rf .venv build .pytest_cache .ruff_cache notebooks/*.egg-info
	@find . \( -name __pycache__ -o -name .ipynb_checkpoints \) -prune -exec rm -rf {} +
