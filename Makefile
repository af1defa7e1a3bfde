UV ?= uv
EXPORT := $(UV) export -q --frozen --no-emit-project --no-header --no-annotate --no-dev

.PHONY: help check soak mutation sabotage pictures lock
help: ## what can be made
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "%-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

check: ## everything CI runs
	.ci/run

soak: ## the long runs, which CI leaves out
	python3 manage.py test -m soak -n 0

mutation: ## change the guarding modules in one place at a time: a test must notice, or a reason be given (docs/mutation.md)
	"$$(python3 smartcare/bootstrap.py test)" -m tests.mutation --write

sabotage: ## plant holes in the database and in the source: each must turn a test red (WRITE=1: into docs/sabotage.md)
	"$$(python3 smartcare/bootstrap.py test)" -m tests.sabotage.run $(if $(WRITE),--write) $(if $(ONLY),--only "$(ONLY)")

pictures: ## the README's pictures of a running demo: make pictures ADA=her-password NORA=her-password
	"$$(python3 smartcare/bootstrap.py test)" docs/pictures/take.py $(or $(URL),http://127.0.0.1:8000) $(ADA) $(NORA)

lock: ## resolve pyproject.toml and write the hashed lists (they name no registry)
	$(UV) lock
	$(EXPORT) -o smartcare/requirements-prod.txt
	$(EXPORT) --group embedded -o smartcare/requirements-demo.txt
	$(EXPORT) --group embedded --group test -o smartcare/requirements-test.txt
	$(EXPORT) --group embedded --group test --group lint -o smartcare/requirements-lint.txt
