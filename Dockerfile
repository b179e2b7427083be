# One image for all processes; the command says which.
FROM python:3.13-slim AS build
RUN python -m venv /venv
COPY requirements.lock /src/
RUN /venv/bin/pip install --no-cache-dir --require-hashes -r /src/requirements.lock
COPY . /src
RUN pip install --no-cache-dir 'setuptools>=80' \
 && cd /src && pip wheel --no-cache-dir --no-deps --no-build-isolation --wheel-dir /wheels . \
 && /venv/bin/pip install --no-cache-dir --no-deps /wheels/*.whl

FROM python:3.13-slim
RUN useradd --system --uid 10001 --no-create-home saldo \
 && install -d -o saldo -m 0700 /var/lib/saldo
COPY --from=build /venv /venv
ENV PATH=/venv/bin:$PATH PYTHONUNBUFFERED=1 SALDO_HOST=0.0.0.0 SALDO_HOME=/var/lib/saldo
WORKDIR /tmp
USER saldo
EXPOSE 8000 8001
# The API answers on its port, the worker on the one behind it.
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s \
  CMD ["python", "-c", "import os,urllib.request as u;p=int(os.environ.get('SALDO_PORT','8000'))+int(os.environ.get('SALDO_PROCESS','api')=='worker');u.urlopen(f'http://127.0.0.1:{p}/healthz',timeout=2)"]
ENTRYPOINT ["saldo"]
CMD ["api"]
