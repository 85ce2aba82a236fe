-- One of everything that a database can hold and a superuser can make without files of his own.
DO $$ BEGIN CREATE ROLE "dbferry ann"; CREATE ROLE "dbferry bob"; EXCEPTION WHEN duplicate_object THEN NULL; END $$;
CREATE SCHEMA "Odd ""Schema"" . x" AUTHORIZATION "dbferry ann";
COMMENT ON SCHEMA "Odd ""Schema"" . x" IS 'odd '' comment \ here';
CREATE SCHEMA late;
GRANT USAGE ON SCHEMA late TO "dbferry bob" WITH GRANT OPTION;
CREATE EXTENSION hstore WITH SCHEMA late;
CREATE EXTENSION citext WITH SCHEMA public;
CREATE EXTENSION btree_gist WITH SCHEMA public;
CREATE EXTENSION file_fdw WITH SCHEMA public;
COMMENT ON EXTENSION citext IS 'our own words';

-- Types.
CREATE TYPE public.mood AS ENUM ('sad', 'o''k', 'back\slash');
ALTER TYPE public.mood ADD VALUE 'first' BEFORE 'sad';
CREATE TYPE public.nothing_enum AS ENUM ();
COMMENT ON TYPE public.mood IS 'a mood';
REVOKE USAGE ON TYPE public.mood FROM PUBLIC;
CREATE COLLATION public.numeric_sort (PROVIDER = icu, LOCALE = 'en-u-kn-true', DETERMINISTIC = false);
CREATE COLLATION public.plain (PROVIDER = libc, LC_COLLATE = 'C', LC_CTYPE = 'C');
CREATE TYPE "Odd ""Schema"" . x"."Pair" AS (a integer, "b "" c" text COLLATE public.plain, m public.mood);
COMMENT ON COLUMN "Odd ""Schema"" . x"."Pair".a IS 'the first';
CREATE DOMAIN public.positive AS integer DEFAULT 1 NOT NULL CONSTRAINT is_positive CHECK (VALUE > 0);
COMMENT ON CONSTRAINT is_positive ON DOMAIN public.positive IS 'above nothing';
CREATE DOMAIN public.more_positive AS public.positive CHECK (VALUE > 10);
ALTER DOMAIN public.more_positive ADD CONSTRAINT unchecked CHECK (VALUE < 1000) NOT VALID;
CREATE DOMAIN public.words AS text[] COLLATE public.plain DEFAULT '{}'::text[];
CREATE FUNCTION public.float_diff(a float8, b float8) RETURNS float8 LANGUAGE sql IMMUTABLE AS 'SELECT a - b';
CREATE TYPE public.float_range AS RANGE (SUBTYPE = float8, SUBTYPE_DIFF = public.float_diff);
CREATE TYPE public.text_range AS RANGE (SUBTYPE = text, COLLATION = public.plain);
CREATE TYPE public.only_a_name;
CREATE TYPE public.label;
CREATE FUNCTION public.label_in(cstring) RETURNS public.label LANGUAGE internal IMMUTABLE STRICT AS 'textin';
CREATE FUNCTION public.label_out(public.label) RETURNS cstring LANGUAGE internal IMMUTABLE STRICT AS 'textout';
CREATE TYPE public.label (INPUT = public.label_in, OUTPUT = public.label_out, LIKE = text, CATEGORY = 'S', DEFAULT = 'none');
CREATE CAST (public.label AS text) WITHOUT FUNCTION AS IMPLICIT;
CREATE FUNCTION public.mood_to_int(public.mood) RETURNS integer LANGUAGE sql IMMUTABLE AS 'SELECT 1';
CREATE CAST (public.mood AS integer) WITH FUNCTION public.mood_to_int(public.mood) AS ASSIGNMENT;
CREATE CAST (public.mood AS json) WITH INOUT;
COMMENT ON CAST (public.mood AS json) IS 'a cast';

-- Routines.
CREATE FUNCTION public.plain(a integer, b text DEFAULT 'x''y', VARIADIC c integer[] DEFAULT '{}'::integer[]) RETURNS TABLE (x integer, y text)
  LANGUAGE plpgsql STABLE SECURITY DEFINER COST 7 ROWS 3 PARALLEL SAFE SET work_mem = '5MB' SET search_path = public, pg_temp
  AS $body$ BEGIN RETURN QUERY SELECT a, b || $$ ; $$; END $body$;
COMMENT ON FUNCTION public.plain(integer, text, integer[]) IS 'plain';
REVOKE ALL ON FUNCTION public.plain(integer, text, integer[]) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION public.plain(integer, text, integer[]) TO "dbferry bob";
CREATE FUNCTION public.plain(text) RETURNS text LANGUAGE sql RETURN $1 || 'x';
CREATE PROCEDURE public.doing(INOUT a integer) LANGUAGE plpgsql AS 'BEGIN a := a + 1; COMMIT; END';
ALTER PROCEDURE public.doing(INOUT integer) OWNER TO "dbferry ann";
CREATE AGGREGATE public.total(integer) (SFUNC = int4pl, STYPE = integer, INITCOND = '0', COMBINEFUNC = int4pl, PARALLEL = SAFE, MSFUNC = int4pl, MINVFUNC = int4mi, MSTYPE = integer, MINITCOND = '0');
CREATE AGGREGATE public.count_all(*) (SFUNC = int8inc, STYPE = bigint, INITCOND = '0');
COMMENT ON AGGREGATE public.count_all(*) IS 'all of them';
GRANT EXECUTE ON FUNCTION public.count_all() TO "dbferry bob";
CREATE AGGREGATE public.median(double precision ORDER BY double precision) (SFUNC = ordered_set_transition, STYPE = internal, FINALFUNC = percentile_cont_float8_final);
COMMENT ON AGGREGATE public.median(double precision ORDER BY double precision) IS 'the middle';
CREATE AGGREGATE public.greatest_of(integer) (SFUNC = int4larger, STYPE = integer, SORTOP = OPERATOR(pg_catalog.>));
CREATE FUNCTION public.window_one() RETURNS bigint LANGUAGE internal WINDOW AS 'window_row_number';
CREATE FUNCTION public.trig() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
CREATE FUNCTION public.event_trig() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END';

-- Operators.
CREATE FUNCTION public.mood_lt(public.mood, integer) RETURNS boolean LANGUAGE sql IMMUTABLE AS 'SELECT true';
CREATE FUNCTION public.mood_gt(integer, public.mood) RETURNS boolean LANGUAGE sql IMMUTABLE AS 'SELECT true';
CREATE OPERATOR public.<<# (FUNCTION = public.mood_lt, LEFTARG = public.mood, RIGHTARG = integer, COMMUTATOR = OPERATOR(public.#>>), RESTRICT = scalarltsel, JOIN = scalarltjoinsel);
CREATE OPERATOR public.#>> (FUNCTION = public.mood_gt, LEFTARG = integer, RIGHTARG = public.mood, COMMUTATOR = OPERATOR(public.<<#));
COMMENT ON OPERATOR public.<<# (public.mood, integer) IS 'less';
CREATE FUNCTION public.mood_not(public.mood) RETURNS boolean LANGUAGE sql IMMUTABLE AS 'SELECT true';
CREATE OPERATOR public.!# (FUNCTION = public.mood_not, RIGHTARG = public.mood);
CREATE FUNCTION public.int_cmp(integer, integer) RETURNS integer LANGUAGE internal IMMUTABLE STRICT AS 'btint4cmp';
CREATE OPERATOR CLASS public.int_again FOR TYPE integer USING btree AS OPERATOR 1 <, OPERATOR 2 <=, OPERATOR 3 =, OPERATOR 4 >=, OPERATOR 5 >, FUNCTION 1 public.int_cmp(integer, integer);
COMMENT ON OPERATOR CLASS public.int_again USING btree IS 'again';
CREATE OPERATOR FAMILY public.loose USING btree;
ALTER OPERATOR FAMILY public.loose USING btree ADD OPERATOR 1 < (integer, bigint), FUNCTION 1 (integer, bigint) btint48cmp(integer, bigint);
CREATE ACCESS METHOD heap_again TYPE TABLE HANDLER heap_tableam_handler;
CREATE CONVERSION public.again FOR 'LATIN1' TO 'UTF8' FROM iso8859_1_to_utf8;

-- Text search.
CREATE TEXT SEARCH TEMPLATE public.simple_again (INIT = dsimple_init, LEXIZE = dsimple_lexize);
CREATE TEXT SEARCH DICTIONARY public.simple_words (TEMPLATE = public.simple_again, ACCEPT = false);
CREATE TEXT SEARCH DICTIONARY public.snow (TEMPLATE = pg_catalog.snowball, LANGUAGE = 'english', STOPWORDS = 'english');
CREATE TEXT SEARCH PARSER public.parse_again (START = prsd_start, GETTOKEN = prsd_nexttoken, END = prsd_end, LEXTYPES = prsd_lextype, HEADLINE = prsd_headline);
CREATE TEXT SEARCH CONFIGURATION public.conf (PARSER = public.parse_again);
ALTER TEXT SEARCH CONFIGURATION public.conf ADD MAPPING FOR asciiword, word WITH public.simple_words, public.snow;
COMMENT ON TEXT SEARCH CONFIGURATION public.conf IS 'a configuration';

-- Foreign things.
CREATE FOREIGN DATA WRAPPER nothing_fdw OPTIONS (debug 'true');
CREATE SERVER files TYPE 't' VERSION '1' FOREIGN DATA WRAPPER file_fdw;
CREATE SERVER nowhere FOREIGN DATA WRAPPER nothing_fdw OPTIONS (host 'h''x');
GRANT USAGE ON FOREIGN SERVER nowhere TO "dbferry bob";
CREATE FOREIGN TABLE public.of_file (a integer NOT NULL, b text OPTIONS (force_null 'true')) SERVER files OPTIONS (filename '/dev/null', format 'csv');
COMMENT ON FOREIGN TABLE public.of_file IS 'a file';

-- Sequences.
CREATE SEQUENCE public.free AS smallint START 5 INCREMENT -2 MINVALUE -100 MAXVALUE 10 CACHE 3 CYCLE;
SELECT nextval('public.free');
CREATE SEQUENCE public.never_used START 77;
CREATE SEQUENCE public.put_back; SELECT setval('public.put_back', 42, false);
CREATE SEQUENCE public.of_one_table;
CREATE SEQUENCE public.of_two_tables;
GRANT USAGE ON SEQUENCE public.free TO "dbferry bob";
COMMENT ON SEQUENCE public.free IS 'free';

-- Tables.
CREATE TABLE public.plain (
  id integer GENERATED ALWAYS AS IDENTITY (START 100 INCREMENT 5),
  id2 bigint GENERATED BY DEFAULT AS IDENTITY,
  s serial,
  number numeric(10,2) DEFAULT 4.99 NOT NULL,
  "Odd "" name" public.mood DEFAULT 'sad',
  pair "Odd ""Schema"" . x"."Pair",
  name text COLLATE public.numeric_sort DEFAULT 'it''s',
  twice numeric GENERATED ALWAYS AS (number * 2) STORED,
  dom public.positive,
  ref integer DEFAULT nextval('public.of_one_table'),
  h late.hstore, c public.citext, arr integer[][], stamp timestamp(3) with time zone DEFAULT now(),
  during tstzrange, l public.label,
  CONSTRAINT plain_pkey PRIMARY KEY (id) INCLUDE (number) WITH (fillfactor = 80),
  CONSTRAINT plain_unique UNIQUE (id2, s) DEFERRABLE INITIALLY DEFERRED,
  CONSTRAINT plain_check CHECK (number > 0 AND "Odd "" name" <> 'sad'),
  CONSTRAINT not_for_children CHECK (s > 0) NO INHERIT,
  CONSTRAINT plain_exclude EXCLUDE USING gist (s WITH =, during WITH &&) WHERE (s > 0)
) WITH (fillfactor = 70, autovacuum_enabled = false, toast.autovacuum_enabled = false);
ALTER TABLE public.plain ALTER COLUMN name SET STORAGE EXTERNAL;
ALTER TABLE public.plain ALTER COLUMN name SET STATISTICS 500;
ALTER TABLE public.plain ALTER COLUMN h SET COMPRESSION pglz;
ALTER TABLE public.plain ALTER COLUMN s SET (n_distinct = 5);
ALTER TABLE public.plain DROP COLUMN arr;
ALTER TABLE public.plain ADD CONSTRAINT unchecked CHECK (s < 10) NOT VALID;
ALTER TABLE public.plain OWNER TO "dbferry ann";
GRANT SELECT, INSERT ON public.plain TO "dbferry bob" WITH GRANT OPTION;
GRANT UPDATE (number), SELECT (name) ON public.plain TO PUBLIC;
REVOKE DELETE ON public.plain FROM "dbferry ann";
COMMENT ON TABLE public.plain IS 'plain';
COMMENT ON COLUMN public.plain."Odd "" name" IS 'odd';
COMMENT ON CONSTRAINT plain_check ON public.plain IS 'checked';
COMMENT ON SEQUENCE public.plain_s_seq IS 'numbers';
CREATE INDEX "odd "" ON public.plain index" ON public.plain USING btree (lower(name) DESC NULLS LAST, number) INCLUDE (s) WITH (fillfactor = 60) WHERE name <> ' ON public.plain USING ';
CREATE INDEX plain_expression ON public.plain ((number * 2)); ALTER INDEX public.plain_expression ALTER COLUMN 1 SET STATISTICS 77;
CREATE INDEX plain_hash ON public.plain USING hash (number);
CREATE INDEX plain_opclass ON public.plain (s public.int_again);
CREATE UNIQUE INDEX plain_replica ON public.plain (number);
COMMENT ON INDEX public.plain_hash IS 'hashed';
COMMENT ON INDEX public.plain_pkey IS 'the key''s index';
ALTER TABLE public.plain REPLICA IDENTITY USING INDEX plain_replica;
ALTER TABLE public.plain CLUSTER ON plain_pkey;
CREATE STATISTICS public.stats (ndistinct, dependencies) ON number, s FROM public.plain;
ALTER STATISTICS public.stats SET STATISTICS 50;
CREATE STATISTICS late.on_expression ON (lower(name)), number FROM public.plain;
COMMENT ON STATISTICS public.stats IS 'counted';

CREATE UNLOGGED TABLE public.unlogged (a integer DEFAULT nextval('public.of_two_tables')); ALTER TABLE public.unlogged REPLICA IDENTITY FULL;
CREATE TABLE public.no_columns ();
CREATE TABLE public.of_two (a integer DEFAULT nextval('public.of_two_tables')) USING heap_again;
CREATE TABLE public.of_type OF "Odd ""Schema"" . x"."Pair" (a WITH OPTIONS DEFAULT 3 NOT NULL, PRIMARY KEY (a));
CREATE TABLE public.of_type_only OF "Odd ""Schema"" . x"."Pair";
CREATE TABLE "Odd ""Schema"" . x"."Odd ""Table"" . y" (id serial PRIMARY KEY, plain integer NOT NULL REFERENCES public.plain ON DELETE CASCADE ON UPDATE SET NULL DEFERRABLE, other integer);
ALTER TABLE "Odd ""Schema"" . x"."Odd ""Table"" . y" ADD CONSTRAINT unchecked FOREIGN KEY (other) REFERENCES public.plain (id) MATCH FULL NOT VALID;
ALTER TABLE "Odd ""Schema"" . x"."Odd ""Table"" . y" ADD CONSTRAINT myself FOREIGN KEY (other) REFERENCES "Odd ""Schema"" . x"."Odd ""Table"" . y" (id) INITIALLY DEFERRED;

-- Inheritance.
CREATE TABLE public.parent (a integer DEFAULT 1, b text CHECK (b <> ''), c integer NOT NULL);
CREATE TABLE public.other_parent (o integer);
CREATE TABLE public.child (d integer, c integer DEFAULT 5) INHERITS (public.parent, public.other_parent);
ALTER TABLE ONLY public.child ALTER COLUMN a SET DEFAULT 2;
ALTER TABLE ONLY public.child ALTER COLUMN b SET NOT NULL;
CREATE TABLE public.grandchild () INHERITS (public.child);
CREATE INDEX child_a ON public.child (a);

-- Partitions.
CREATE TABLE public.parted (id bigint NOT NULL, day date NOT NULL, v text DEFAULT 'x', kind text CONSTRAINT kind_check CHECK (kind <> '')) PARTITION BY RANGE (day);
CREATE TABLE public.parted_2020 PARTITION OF public.parted (v DEFAULT 'y', CHECK (id > 0)) FOR VALUES FROM ('2020-01-01') TO ('2021-01-01') PARTITION BY LIST (kind);
CREATE TABLE public.parted_2020_a PARTITION OF public.parted_2020 FOR VALUES IN ('a', NULL);
CREATE TABLE public.parted_2020_rest PARTITION OF public.parted_2020 DEFAULT;
CREATE TABLE late.parted_other (kind text CONSTRAINT kind_check CHECK (kind <> ''), extra integer, day date NOT NULL, v text, id bigint NOT NULL);
ALTER TABLE late.parted_other DROP COLUMN extra;
CREATE INDEX own_index ON late.parted_other (v);
ALTER TABLE public.parted ATTACH PARTITION late.parted_other FOR VALUES FROM ('2021-01-01') TO (MAXVALUE);
ALTER TABLE public.parted ADD CONSTRAINT parted_pkey PRIMARY KEY (id, day, kind);
CREATE INDEX parted_v ON public.parted (v);
CREATE INDEX parted_only ON ONLY public.parted (kind);
CREATE TABLE public.hashed (a integer, b text) PARTITION BY HASH (a, lower(b));
CREATE TABLE public.hashed_0 PARTITION OF public.hashed FOR VALUES WITH (MODULUS 2, REMAINDER 0);
CREATE TABLE public.hashed_1 PARTITION OF public.hashed FOR VALUES WITH (MODULUS 2, REMAINDER 1);
CREATE TABLE public.refers (id bigint, day date, kind text, FOREIGN KEY (id, day, kind) REFERENCES public.parted);
ALTER TABLE public.hashed ADD FOREIGN KEY (a) REFERENCES public.plain (id);

-- Views.
CREATE VIEW public.simple AS SELECT id, name AS "Name of it", number FROM public.plain WHERE name <> 'a;b' WITH LOCAL CHECK OPTION;
ALTER VIEW public.simple RENAME COLUMN number TO renamed;
ALTER VIEW public.simple ALTER COLUMN renamed SET DEFAULT 3;
ALTER VIEW public.simple SET (security_barrier = true);
COMMENT ON VIEW public.simple IS 'simple'; COMMENT ON COLUMN public.simple.renamed IS 'renamed';
GRANT SELECT ON public.simple TO "dbferry bob"; GRANT UPDATE (renamed) ON public.simple TO "dbferry bob";
CREATE VIEW public.on_view AS SELECT s.*, 'literal' AS l FROM public.simple s LIMIT 5;
CREATE RECURSIVE VIEW public.numbers (n) AS VALUES (1) UNION ALL SELECT n + 1 FROM numbers WHERE n < 5;
CREATE MATERIALIZED VIEW public.full_matview WITH (fillfactor = 90) AS SELECT count(*) AS n, public.total(n::integer) AS t FROM public.numbers;
CREATE UNIQUE INDEX full_matview_n ON public.full_matview (n);
COMMENT ON MATERIALIZED VIEW public.full_matview IS 'full'; COMMENT ON COLUMN public.full_matview.n IS 'number'; COMMENT ON INDEX public.full_matview_n IS 'unique';
CREATE MATERIALIZED VIEW late.empty_matview AS SELECT n FROM public.full_matview WITH NO DATA;
CREATE STATISTICS public.of_matview ON n, t FROM public.full_matview;

-- What needs tables.
CREATE FUNCTION public.of_rows(public.plain) RETURNS text LANGUAGE sql IMMUTABLE AS 'SELECT $1.name';
CREATE FUNCTION public.all_rows() RETURNS SETOF public.simple LANGUAGE sql AS 'SELECT * FROM public.simple';
CREATE FUNCTION public.inlined(a integer) RETURNS bigint LANGUAGE sql BEGIN ATOMIC SELECT count(*) FROM public.plain WHERE id = a; END;
CREATE INDEX plain_of_rows ON public.plain (public.of_rows(plain.*));
ALTER TABLE public.unlogged ADD CONSTRAINT by_rows CHECK (public.of_rows(NULL) IS NULL);
ALTER TABLE public.unlogged ADD COLUMN by_rows text DEFAULT public.of_rows(NULL);
CREATE RULE no_delete AS ON DELETE TO public.plain DO INSTEAD NOTHING;
CREATE RULE logged AS ON UPDATE TO public.plain WHERE new.s > 5 DO ALSO INSERT INTO public.unlogged (a) VALUES (new.s);
ALTER TABLE public.plain DISABLE RULE logged;
COMMENT ON RULE no_delete ON public.plain IS 'no';
CREATE RULE of_view AS ON INSERT TO public.on_view DO INSTEAD NOTHING;
CREATE TRIGGER first BEFORE INSERT OR UPDATE OF name, number ON public.plain FOR EACH ROW WHEN (new.number > 3) EXECUTE FUNCTION public.trig('a', 'it''s');
CREATE TRIGGER disabled AFTER DELETE ON public.plain REFERENCING OLD TABLE AS gone FOR EACH STATEMENT EXECUTE FUNCTION public.trig();
ALTER TABLE public.plain DISABLE TRIGGER disabled; ALTER TABLE public.plain ENABLE ALWAYS TRIGGER first;
CREATE CONSTRAINT TRIGGER constrains AFTER INSERT ON public.plain DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION public.trig();
CREATE TRIGGER instead INSTEAD OF INSERT ON public.on_view FOR EACH ROW EXECUTE FUNCTION public.trig();
CREATE TRIGGER of_parts AFTER INSERT ON public.parted FOR EACH ROW EXECUTE FUNCTION public.trig();
ALTER TABLE public.parted_2020_a DISABLE TRIGGER of_parts;
COMMENT ON TRIGGER first ON public.plain IS 'first';
ALTER TABLE public.plain ENABLE ROW LEVEL SECURITY; ALTER TABLE public.plain FORCE ROW LEVEL SECURITY;
CREATE POLICY for_some ON public.plain AS RESTRICTIVE FOR SELECT TO "dbferry ann", "dbferry bob" USING (number > 1);
CREATE POLICY for_all ON public.plain USING (true) WITH CHECK (public.of_rows(plain.*) IS NOT NULL);
COMMENT ON POLICY for_all ON public.plain IS 'all';
CREATE FUNCTION public.depends() RETURNS integer LANGUAGE sql AS 'SELECT 1'; ALTER FUNCTION public.depends() DEPENDS ON EXTENSION citext;
CREATE VIEW public.without_tables AS SELECT public.depends() AS one;
ALTER VIEW public.without_tables OWNER TO "dbferry bob";
