UV ?= uv
PY := .venv/bin/python

.PHONY: lock
lock: ## resolve pyproject.toml and write the hashed lists (they name no registry)
	$(UV) lock
	$(UV) export -q --frozen --no-emit-project --no-header --no-annotate --no-dev --group embedded -o smartcare/requirements-demo.txt
	$(UV) export -q --frozen --no-emit-project --no-header --no-annotate --no-dev --group embedded --group test -o smartcare/requirements-test.txt
	$(UV) export -q --frozen --no-emit-project --no-header --no-annotate --no-dev --group embedded --group test --group lint -o smartcare/requirements-lint.txt
