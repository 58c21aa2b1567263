# Snakepit in an image: docker build -t snakepit . && docker run -d -p 127.0.0.1:8000:8000 -v snakepit:/data snakepit
# The data is in /data. Pass settings with -e; .env.example lists them.

# Python 3.13.15 on Debian, for all platforms. `docker buildx imagetools inspect python:3.13-slim` prints the newest digest.
FROM python:3.13-slim@sha256:7c61056e61ac89e852de05f3dc6fa51a6dd2181797bceed46aa725dd7cb2cd3b AS environment
WORKDIR /snakepit
COPY requirements.txt ./
RUN python -m venv --without-pip .venv && \
    python -m pip --python .venv/bin/python install --no-cache-dir --disable-pip-version-check -r requirements.txt

FROM python:3.13-slim@sha256:7c61056e61ac89e852de05f3dc6fa51a6dd2181797bceed46aa725dd7cb2cd3b
WORKDIR /snakepit
COPY --from=environment /snakepit/.venv .venv
COPY *.py LICENSE ./
COPY accounts accounts
COPY database database
COPY game game
COPY observability observability
COPY operations operations
COPY web web
COPY migrations migrations
COPY static static
RUN mkdir /data && chown 10001:10001 /data
WORKDIR /data
VOLUME /data
ARG RUN_AS=10001:10001
USER ${RUN_AS}
ENV HOST=0.0.0.0 PORT=8000
EXPOSE 8000
HEALTHCHECK --interval=30s --timeout=5s --start-period=10s CMD [ \
"/snakepit/.venv/bin/python", "-c", "import http.client, os; \
connection = http.client.HTTPConnection('127.0.0.1', int(os.environ['PORT']), timeout=4); \
connection.request('GET', '/healthz'); \
raise SystemExit(connection.getresponse().status != 200)"]
CMD ["/snakepit/.venv/bin/python", "/snakepit/service.py"]
