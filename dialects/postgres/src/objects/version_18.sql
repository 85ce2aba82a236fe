-- What PostgreSQL 18 adds.
CREATE TABLE public.eighteen (
  id integer CONSTRAINT odd_name NOT NULL,
  a integer NOT NULL NO INHERIT,
  v integer GENERATED ALWAYS AS (id * 2) VIRTUAL,
  during tstzrange, b integer,
  CONSTRAINT no_overlap PRIMARY KEY (id, during WITHOUT OVERLAPS),
  CONSTRAINT not_enforced CHECK (a > 0) NOT ENFORCED
);
ALTER TABLE public.eighteen ADD CONSTRAINT later NOT NULL b NOT VALID;
CREATE TABLE public.periods (id integer, during tstzrange, FOREIGN KEY (id, PERIOD during) REFERENCES public.eighteen (id, PERIOD during));
CREATE TABLE public.identity_parted (id bigint GENERATED ALWAYS AS IDENTITY, k integer) PARTITION BY LIST (k);
CREATE TABLE public.identity_part PARTITION OF public.identity_parted FOR VALUES IN (1);
CREATE TABLE public.excluded_parted (k integer, r int4range, EXCLUDE USING gist (k WITH =, r WITH &&)) PARTITION BY LIST (k);
CREATE TABLE public.excluded_part PARTITION OF public.excluded_parted FOR VALUES IN (1);
CREATE COLLATION public.built_in (PROVIDER = builtin, LOCALE = 'C.UTF-8');
CREATE COLLATION public.ruled (PROVIDER = icu, LOCALE = 'und', RULES = '& a < b');
CREATE TABLE public.nulls_not_distinct (a integer, UNIQUE NULLS NOT DISTINCT (a));
