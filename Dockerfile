FROM apache/airflow:3.3.2-python3.11

# mysqlclient, psycopg and Penstock's own extensions are C: they need a compiler and the client libraries.
USER root
RUN apt-get update \
 && apt-get install -y --no-install-recommends gcc libc6-dev pkg-config libmariadb-dev libpq-dev libsqlite3-dev libxxhash-dev \
 && rm -rf /var/lib/apt/lists/*

USER airflow
WORKDIR /opt/airflow
COPY --chown=airflow:0 requirements.lock pyproject.toml setup.py README.md /opt/airflow/penstock-source/
COPY --chown=airflow:0 penstock /opt/airflow/penstock-source/penstock
COPY --chown=airflow:0 penstock_airflow /opt/airflow/penstock-source/penstock_airflow
COPY --chown=airflow:0 operators /opt/airflow/penstock-source/operators
COPY --chown=airflow:0 expectations /opt/airflow/penstock-source/expectations
COPY --chown=airflow:0 plugins /opt/airflow/penstock-source/plugins
RUN pip install --no-cache-dir --constraint penstock-source/requirements.lock "./penstock-source[all]"

# The same layout as the repository: a migration file names its suites relative to it.
COPY --chown=airflow:0 dags /opt/airflow/dags
COPY --chown=airflow:0 expectations /opt/airflow/expectations
RUN mkdir -p /opt/airflow/staging /opt/airflow/auth
