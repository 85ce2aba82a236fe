-- Large objects: one without pages, a sparse one, one with pages without bytes, one that ends with a page, one of 5 MB; and a
-- table that refers to them.
CREATE TABLE public.document (id integer PRIMARY KEY, body oid);
SELECT lo_create(1001);
SELECT lo_from_bytea(1002, 'begin');
SELECT lo_put(1002, 100000, 'far away');
SELECT lo_put(1002, 5000, '\x00');
SELECT lo_create(1003);
BEGIN;
SELECT lo_truncate(lo_open(1003, x'20000'::integer), 20480);
COMMIT;
SELECT lo_put(1003, 30000, 'behind');
BEGIN;
SELECT lo_truncate(lo_open(1003, x'20000'::integer), 40960);
COMMIT;
SELECT lo_from_bytea(4294967295, convert_to(repeat('x', 4096), 'UTF8'));
SELECT lo_from_bytea(1005, string_agg(sha512(n::text::bytea), '' ORDER BY n)) FROM generate_series(1, 81920) n;
COMMENT ON LARGE OBJECT 1002 IS 'sparse';
INSERT INTO public.document VALUES (1, 1001), (2, 1002), (3, 1003), (4, 4294967295), (5, 1005);
