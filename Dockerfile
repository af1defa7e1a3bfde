# One image for web, worker, beat and migrate. Same majors as the embedded servers; those are not in it.
FROM python:3.13-slim AS packages
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
COPY smartcare/requirements-prod.txt /tmp/requirements.txt
RUN python -m venv /opt/smartcare && /opt/smartcare/bin/pip install --require-hashes -r /tmp/requirements.txt

FROM python:3.13-slim
RUN useradd --system --uid 10001 --no-create-home --home-dir /app --shell /usr/sbin/nologin smartcare
COPY --from=packages /opt/smartcare /opt/smartcare
WORKDIR /app
COPY manage.py LICENSE ./
COPY access access
COPY telemetry telemetry
COPY partners partners
COPY smartcare smartcare
COPY templates templates
# What customers download to check their journals without us.
COPY docs/verify_journal.py docs/verify_journal.py
# Compiled once, here: at run time the folder belongs to root and stays as it is.
RUN /opt/smartcare/bin/python -m compileall -q access telemetry partners smartcare
# Two arenas: with one for each thread, the largest bodies ever unpacked stay reserved eight times over.
ENV MALLOC_ARENA_MAX=2
ENV PATH=/opt/smartcare/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    DJANGO_SETTINGS_MODULE=smartcare.settings \
    PORT=8000
USER 10001
EXPOSE 8000
# The host is named because Django answers no other; /healthz asks for the process alone, so a database that is away
# does not make the container restart.
HEALTHCHECK --interval=15s --timeout=5s --start-period=30s --retries=4 CMD ["python", "-c", "import os, urllib.request as u; u.urlopen(u.Request('http://127.0.0.1:%s/healthz' % os.environ['PORT'], headers={'Host': os.environ['ALLOWED_HOSTS'].split(',')[0].strip()}), timeout=4)"]
CMD ["python", "manage.py", "serve", "--host", "0.0.0.0"]
