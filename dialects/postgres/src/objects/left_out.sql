-- One of everything that is not carried.
CREATE PUBLICATION published FOR ALL TABLES;
CREATE SUBSCRIPTION subscribed CONNECTION 'host=nowhere password=canary' PUBLICATION published WITH (connect = false);
CREATE FUNCTION public.event_trig() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END';
CREATE EVENT TRIGGER on_event ON ddl_command_end EXECUTE FUNCTION public.event_trig();
ALTER EVENT TRIGGER on_event DISABLE;
CREATE FOREIGN DATA WRAPPER nothing_fdw;
CREATE SERVER nowhere FOREIGN DATA WRAPPER nothing_fdw;
CREATE USER MAPPING FOR PUBLIC SERVER nowhere OPTIONS (password 'canary');
CREATE FOREIGN TABLE public.elsewhere (a integer) SERVER nowhere;
ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT ON TABLES TO PUBLIC;
CREATE LANGUAGE plother HANDLER plpgsql_call_handler;
DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET work_mem = %L', current_database(), '5MB');
  EXECUTE format('COMMENT ON DATABASE %I IS %L', current_database(), 'mine');
  EXECUTE format('GRANT CONNECT ON DATABASE %I TO pg_monitor', current_database()); END $$;
CREATE TABLE public.t (a integer);
CREATE INDEX invalid ON public.t (a); UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'public.invalid'::regclass;
CREATE FUNCTION public.eq(public.t, public.t) RETURNS boolean LANGUAGE sql AS 'SELECT true';
CREATE OPERATOR public.=== (FUNCTION = public.eq, LEFTARG = public.t, RIGHTARG = public.t, NEGATOR = OPERATOR(public.!==));
CREATE TABLE public.needs_late (a public.t);
CREATE FUNCTION public.needs_t() RETURNS public.t LANGUAGE sql AS 'SELECT NULL::public.t';
CREATE FUNCTION public.takes_t(a integer, b public.t DEFAULT NULL) RETURNS integer LANGUAGE sql IMMUTABLE AS 'SELECT 1';
CREATE TABLE public.computed (a integer, b integer GENERATED ALWAYS AS (public.takes_t(a)) STORED);
-- Privileges of what the restore does not make.
CREATE EXTENSION hstore; CREATE EXTENSION pg_stat_statements;
GRANT SELECT ON pg_authid TO pg_monitor; REVOKE EXECUTE ON FUNCTION pg_catalog.pg_notify(text, text) FROM PUBLIC;
REVOKE EXECUTE ON FUNCTION public.hstore(text, text) FROM PUBLIC;
GRANT SELECT (queryid) ON public.pg_stat_statements TO pg_monitor;
GRANT INSERT ON public.pg_stat_statements TO pg_monitor; REVOKE INSERT ON public.pg_stat_statements FROM pg_monitor;
