# Serves a built site, read-only. Build:  docker build -t lookalike .
# Run:    docker run --rm -p 8080:8080 -v "$PWD/site:/site:ro" -v "$PWD/photos:/photos:ro" lookalike
FROM python:3.11-slim

ENV PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1

WORKDIR /app
COPY constraints.txt pyproject.toml README.md LICENSE ./
COPY src ./src
RUN pip install -c constraints.txt . && useradd --system --uid 10001 --no-create-home lookalike

USER lookalike
EXPOSE 8080
ENV LOOKALIKE_HOST=0.0.0.0 LOOKALIKE_PORT=8080 LOOKALIKE_PHOTOS=/photos
HEALTHCHECK --interval=30s --timeout=5s --start-period=20s \
    CMD ["python", "-c", "import os, urllib.request as u; u.urlopen(f'http://127.0.0.1:{os.environ[\"LOOKALIKE_PORT\"]}/healthcheck', timeout=4)"]
ENTRYPOINT ["lookalike"]
CMD ["serve", "/site"]
