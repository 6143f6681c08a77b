# One image for web, worker and scheduler; docker-compose.yml says which of them a container runs.

FROM python:3.11-slim AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_ROOT_USER_ACTION=ignore
RUN python -m venv /opt/venv
COPY requirements/runtime.txt /tmp/runtime.txt
RUN /opt/venv/bin/pip install --require-hashes -r /tmp/runtime.txt

FROM python:3.11-slim
ENV PATH=/opt/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 VAR_DIR=/var/lib/paperboy STATIC_ROOT=/srv/static
RUN useradd --system --uid 10001 --home-dir /var/lib/paperboy --create-home paperboy && install -d -o paperboy /srv/static
COPY --from=build /opt/venv /opt/venv
COPY --chown=root:root . /srv/paperboy
WORKDIR /srv/paperboy
USER paperboy
# The values below exist for this one command, which needs settings but no services; none of them stays in the image.
RUN ENVIRONMENT=production SECRET_KEY=used-only-while-this-image-is-built-to-collect-static-files SITE_URL=https://build.invalid \
    REDIS_URL=redis://build.invalid MAIL_PROVIDER=postmark SENDER_ADDRESS=build@build.invalid POSTAL_ADDRESS=none \
    python manage.py collectstatic --noinput --verbosity 0
EXPOSE 8000
CMD ["gunicorn", "--config", "python:newsletter.webserver"]
