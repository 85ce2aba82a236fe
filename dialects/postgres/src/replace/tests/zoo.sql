-- Values of every type, with their extremes: one table a type, and one with all types.
SET TimeZone = 'UTC';
CREATE EXTENSION citext;
CREATE EXTENSION hstore;
CREATE EXTENSION ltree;
CREATE EXTENSION cube;
CREATE EXTENSION seg;
CREATE EXTENSION isn;
CREATE TYPE public.mood AS ENUM ('sad', 'so so', 'ok');
CREATE DOMAIN public.price AS numeric(8,2);
CREATE DOMAIN public.whole AS integer CHECK (VALUE > 0);
CREATE DOMAIN public.sure AS public.whole NOT NULL;
CREATE TYPE public.pair AS (a integer, b public.mood[], c public.price);
CREATE TYPE public.outer AS (p public.pair, r int4range);
CREATE TYPE public.place AS (name text, at point);
CREATE TYPE public.floats AS RANGE (subtype = float8);
CREATE TABLE public.t0 (id int, c boolean);
INSERT INTO public.t0 VALUES (0, 't'), (1, 'f'), (-1, NULL);
CREATE TABLE public.t1 (id int, c smallint);
INSERT INTO public.t1 VALUES (0, '-32768'), (1, '32767'), (-1, NULL);
CREATE TABLE public.t2 (id int, c integer);
INSERT INTO public.t2 VALUES (0, '-2147483648'), (1, '2147483647'), (-1, NULL);
CREATE TABLE public.t3 (id int, c bigint);
INSERT INTO public.t3 VALUES (0, '-9223372036854775808'), (1, '9223372036854775807'), (-1, NULL);
CREATE TABLE public.t4 (id int, c oid);
INSERT INTO public.t4 VALUES (0, '0'), (1, '4294967295'), (-1, NULL);
CREATE TABLE public.t5 (id int, c xid);
INSERT INTO public.t5 VALUES (0, '4294967295'), (-1, NULL);
CREATE TABLE public.t6 (id int, c xid8);
INSERT INTO public.t6 VALUES (0, '18446744073709551615'), (-1, NULL);
CREATE TABLE public.t7 (id int, c cid);
INSERT INTO public.t7 VALUES (0, '7'), (-1, NULL);
CREATE TABLE public.t8 (id int, c tid);
INSERT INTO public.t8 VALUES (0, '(4294967295,65535)'), (-1, NULL);
CREATE TABLE public.t9 (id int, c real);
INSERT INTO public.t9 VALUES (0, 'NaN'), (1, '-Infinity'), (2, '-0'), (3, '3.4028235e38'), (4, '1e-45'), (-1, NULL);
CREATE TABLE public.t10 (id int, c double precision);
INSERT INTO public.t10 VALUES (0, 'NaN'), (1, 'Infinity'), (2, '-0'), (3, '1.7976931348623157e308'), (4, '5e-324'), (-1, NULL);
CREATE TABLE public.t11 (id int, c numeric);
INSERT INTO public.t11 VALUES (0, 'NaN'), (1, 'Infinity'), (2, '-Infinity'), (3, '1.10'), (4, '1.1'), (5, '0.000'), (6, '1e-1000'), (7, '-123456789012345678901234567890.5'), (-1, NULL);
CREATE TABLE public.t12 (id int, c numeric(10,2));
INSERT INTO public.t12 VALUES (0, 'NaN'), (1, '99999999.99'), (2, '-0.01'), (3, '0'), (-1, NULL);
CREATE TABLE public.t13 (id int, c numeric(50,20));
INSERT INTO public.t13 VALUES (0, 'NaN'), (1, '999999999999999999999999999999.99999999999999999999'), (-1, NULL);
CREATE TABLE public.t14 (id int, c numeric(3,-2));
INSERT INTO public.t14 VALUES (0, 'NaN'), (1, '99900'), (2, '-100'), (-1, NULL);
CREATE TABLE public.t15 (id int, c numeric(2,5));
INSERT INTO public.t15 VALUES (0, '0.00099'), (-1, NULL);
CREATE TABLE public.t16 (id int, c money);
INSERT INTO public.t16 VALUES (0, '-92233720368547758.08'), (1, '92233720368547758.07'), (-1, NULL);
CREATE TABLE public.t17 (id int, c text);
INSERT INTO public.t17 VALUES (0, ''), (1, 'été 😀	tab
line'), (2, '\N'), (3, 'NULL'), (-1, NULL);
CREATE TABLE public.t18 (id int, c varchar(5));
INSERT INTO public.t18 VALUES (0, ''), (1, 'ab   '), (-1, NULL);
CREATE TABLE public.t19 (id int, c char(5));
INSERT INTO public.t19 VALUES (0, ''), (1, 'ab'), (-1, NULL);
CREATE TABLE public.t20 (id int, c bpchar);
INSERT INTO public.t20 VALUES (0, 'ab  '), (-1, NULL);
CREATE TABLE public.t21 (id int, c name);
INSERT INTO public.t21 VALUES (0, 'a name'), (-1, NULL);
CREATE TABLE public.t22 (id int, c "char");
INSERT INTO public.t22 VALUES (0, ''), (1, 'x'), (2, '\303'), (-1, NULL);
CREATE TABLE public.t23 (id int, c bytea);
INSERT INTO public.t23 VALUES (0, '\x'), (1, '\x00ff'), (-1, NULL);
CREATE TABLE public.t24 (id int, c date);
INSERT INTO public.t24 VALUES (0, '4714-11-24 BC'), (1, '5874897-12-31'), (2, 'infinity'), (3, '-infinity'), (-1, NULL);
CREATE TABLE public.t25 (id int, c time);
INSERT INTO public.t25 VALUES (0, '00:00'), (1, '23:59:59.999999'), (2, '24:00'), (-1, NULL);
CREATE TABLE public.t26 (id int, c time(0));
INSERT INTO public.t26 VALUES (0, '12:00:01'), (-1, NULL);
CREATE TABLE public.t27 (id int, c timetz);
INSERT INTO public.t27 VALUES (0, '00:00+15:59:59'), (1, '24:00-15:59:59'), (-1, NULL);
CREATE TABLE public.t28 (id int, c timestamp);
INSERT INTO public.t28 VALUES (0, '4714-11-24 BC'), (1, '294276-12-31 23:59:59.999999'), (2, 'infinity'), (3, '-infinity'), (-1, NULL);
CREATE TABLE public.t29 (id int, c timestamptz);
INSERT INTO public.t29 VALUES (0, '4714-11-24 00:00+00 BC'), (1, '294276-12-31 23:59:59.999999+00'), (2, 'infinity'), (3, '-infinity'), (-1, NULL);
CREATE TABLE public.t30 (id int, c interval);
INSERT INTO public.t30 VALUES (0, '1 mon -2 days 03:04:05.000006'), (1, '-178000000 years'), (2, '178000000 years'), (3, '0'), (-1, NULL);
CREATE TABLE public.t31 (id int, c interval day to second(2));
INSERT INTO public.t31 VALUES (0, '1 day 00:00:01.23'), (-1, NULL);
CREATE TABLE public.t32 (id int, c uuid);
INSERT INTO public.t32 VALUES (0, '00000000-0000-0000-0000-000000000000'), (1, 'ffffffff-ffff-ffff-ffff-ffffffffffff'), (-1, NULL);
CREATE TABLE public.t33 (id int, c json);
INSERT INTO public.t33 VALUES (0, '{"b" : 1, "a":[1.10,null], "b":2}'), (1, ' null '), (-1, NULL);
CREATE TABLE public.t34 (id int, c jsonb);
INSERT INTO public.t34 VALUES (0, '{"b": 1, "a": [1.10, null]}'), (1, 'null'), (-1, NULL);
CREATE TABLE public.t35 (id int, c jsonpath);
INSERT INTO public.t35 VALUES (0, '$.a[*] ? (@ > 1)'), (-1, NULL);
CREATE TABLE public.t36 (id int, c xml);
INSERT INTO public.t36 VALUES (0, '<a>é</a>'), (1, '<?xml version="1.0" encoding="LATIN1"?><a>é</a>'), (2, 'text <b/>'), (-1, NULL);
CREATE TABLE public.t37 (id int, c bit(3));
INSERT INTO public.t37 VALUES (0, '101'), (1, '000'), (-1, NULL);
CREATE TABLE public.t38 (id int, c bit(70));
INSERT INTO public.t38 VALUES (0, '1010101010101010101010101010101010101010101010101010101010101010101010'), (-1, NULL);
CREATE TABLE public.t39 (id int, c bit varying);
INSERT INTO public.t39 VALUES (0, ''), (1, '1'), (2, '0000000000000000000000000000000000000000000000000000000000000000000001'), (-1, NULL);
CREATE TABLE public.t40 (id int, c inet);
INSERT INTO public.t40 VALUES (0, '10.1.2.3/8'), (1, '::ffff:1.2.3.4'), (2, 'fe80::1/64'), (3, '0.0.0.0/0'), (-1, NULL);
CREATE TABLE public.t41 (id int, c cidr);
INSERT INTO public.t41 VALUES (0, '10.1.0.0/16'), (1, '2001:db8::/32'), (-1, NULL);
CREATE TABLE public.t42 (id int, c macaddr);
INSERT INTO public.t42 VALUES (0, '08:00:2b:01:02:03'), (-1, NULL);
CREATE TABLE public.t43 (id int, c macaddr8);
INSERT INTO public.t43 VALUES (0, '08:00:2b:01:02:03:04:05'), (-1, NULL);
CREATE TABLE public.t44 (id int, c point);
INSERT INTO public.t44 VALUES (0, '(1.1,-2e300)'), (1, '(NaN,Infinity)'), (-1, NULL);
CREATE TABLE public.t45 (id int, c line);
INSERT INTO public.t45 VALUES (0, '{1,2,3}'), (-1, NULL);
CREATE TABLE public.t46 (id int, c lseg);
INSERT INTO public.t46 VALUES (0, '[(0,0),(1,1)]'), (-1, NULL);
CREATE TABLE public.t47 (id int, c box);
INSERT INTO public.t47 VALUES (0, '(1,1),(0,0)'), (-1, NULL);
CREATE TABLE public.t48 (id int, c path);
INSERT INTO public.t48 VALUES (0, '((0,0),(1,1))'), (1, '[(0,0),(1,1)]'), (-1, NULL);
CREATE TABLE public.t49 (id int, c polygon);
INSERT INTO public.t49 VALUES (0, '((0,0),(1,1),(2,0))'), (-1, NULL);
CREATE TABLE public.t50 (id int, c circle);
INSERT INTO public.t50 VALUES (0, '<(1,2),3>'), (-1, NULL);
CREATE TABLE public.t51 (id int, c tsvector);
INSERT INTO public.t51 VALUES (0, '''a'':1A,2 ''b c'''), (1, ''), (-1, NULL);
CREATE TABLE public.t52 (id int, c tsquery);
INSERT INTO public.t52 VALUES (0, '''a'' & !( ''b'' | ''c'':*AB )'), (-1, NULL);
CREATE TABLE public.t53 (id int, c pg_lsn);
INSERT INTO public.t53 VALUES (0, '16/B374D848'), (-1, NULL);
CREATE TABLE public.t54 (id int, c pg_snapshot);
INSERT INTO public.t54 VALUES (0, '10:20:10,14'), (-1, NULL);
CREATE TABLE public.t55 (id int, c regclass);
INSERT INTO public.t55 VALUES (0, 'pg_class'), (1, '-'), (-1, NULL);
CREATE TABLE public.t56 (id int, c regtype);
INSERT INTO public.t56 VALUES (0, 'integer'), (-1, NULL);
CREATE TABLE public.t57 (id int, c regproc);
INSERT INTO public.t57 VALUES (0, 'now'), (-1, NULL);
CREATE TABLE public.t58 (id int, c int2vector);
INSERT INTO public.t58 VALUES (0, '1 2 3'), (-1, NULL);
CREATE TABLE public.t59 (id int, c oidvector);
INSERT INTO public.t59 VALUES (0, '1 2'), (-1, NULL);
CREATE TABLE public.t60 (id int, c int[]);
INSERT INTO public.t60 VALUES (0, '{}'), (1, '{1,NULL,3}'), (2, '[0:1]={1,2}'), (3, '{{1,2},{3,4}}'), (4, '[2:2][3:4]={{1,NULL}}'), (-1, NULL);
CREATE TABLE public.t61 (id int, c text[]);
INSERT INTO public.t61 VALUES (0, '{"",NULL,"NULL","a,b"}'), (1, '{{a},{b}}'), (-1, NULL);
CREATE TABLE public.t62 (id int, c numeric(5,1)[]);
INSERT INTO public.t62 VALUES (0, '{1.5,NaN}'), (-1, NULL);
CREATE TABLE public.t63 (id int, c timestamptz[]);
INSERT INTO public.t63 VALUES (0, '{infinity,"2020-01-01 00:00:00+00"}'), (-1, NULL);
CREATE TABLE public.t64 (id int, c jsonb[]);
INSERT INTO public.t64 VALUES (0, '{"{\"a\": 1}"}'), (-1, NULL);
CREATE TABLE public.t65 (id int, c xml[]);
INSERT INTO public.t65 VALUES (0, '{<a/>}'), (-1, NULL);
CREATE TABLE public.t66 (id int, c point[]);
INSERT INTO public.t66 VALUES (0, '{"(1,2)"}'), (-1, NULL);
CREATE TABLE public.t67 (id int, c int4range);
INSERT INTO public.t67 VALUES (0, 'empty'), (1, '[1,10)'), (2, '(,)'), (3, '[5,)'), (-1, NULL);
CREATE TABLE public.t68 (id int, c numrange);
INSERT INTO public.t68 VALUES (0, '[1.10,2.200]'), (1, '(,NaN]'), (2, 'empty'), (-1, NULL);
CREATE TABLE public.t69 (id int, c tstzrange);
INSERT INTO public.t69 VALUES (0, '[-infinity,infinity]'), (1, '(,"2020-01-01 00:00:00+00")'), (-1, NULL);
CREATE TABLE public.t70 (id int, c daterange);
INSERT INTO public.t70 VALUES (0, '[2020-01-01,infinity)'), (-1, NULL);
CREATE TABLE public.t71 (id int, c int4multirange);
INSERT INTO public.t71 VALUES (0, '{}'), (1, '{[1,2),[5,9)}'), (2, '{(,)}'), (-1, NULL);
CREATE TABLE public.t72 (id int, c datemultirange);
INSERT INTO public.t72 VALUES (0, '{[2020-01-01,infinity)}'), (-1, NULL);
CREATE TABLE public.t73 (id int, c int4range[]);
INSERT INTO public.t73 VALUES (0, '{"[1,2)",empty,NULL}'), (1, '[3:3]={"[1,2)"}'), (-1, NULL);
CREATE TABLE public.t74 (id int, c public.mood);
INSERT INTO public.t74 VALUES (0, 'sad'), (1, 'so so'), (-1, NULL);
CREATE TABLE public.t75 (id int, c public.mood[]);
INSERT INTO public.t75 VALUES (0, '{ok,NULL}'), (1, '[0:0]={sad}'), (-1, NULL);
CREATE TABLE public.t76 (id int, c public.price);
INSERT INTO public.t76 VALUES (0, '1.50'), (1, 'NaN'), (-1, NULL);
CREATE TABLE public.t77 (id int, c public.sure);
INSERT INTO public.t77 VALUES (0, '7');
CREATE TABLE public.t78 (id int, c public.pair);
INSERT INTO public.t78 VALUES (0, '(1,"{ok,sad}",1.50)'), (1, '(,,)'), (2, '(2,"[0:0]={ok}",NaN)'), (-1, NULL);
CREATE TABLE public.t79 (id int, c public.pair[]);
INSERT INTO public.t79 VALUES (0, '{"(1,{},)",NULL}'), (1, '[5:5]={"(1,{ok},)"}'), (-1, NULL);
CREATE TABLE public.t80 (id int, c public.outer);
INSERT INTO public.t80 VALUES (0, '("(1,{ok},2.00)","[1,5)")'), (-1, NULL);
CREATE TABLE public.t81 (id int, c public.place);
INSERT INTO public.t81 VALUES (0, '(here,"(1,2)")'), (-1, NULL);
CREATE TABLE public.t82 (id int, c public.floats);
INSERT INTO public.t82 VALUES (0, '[-Infinity,NaN]'), (1, 'empty'), (-1, NULL);
CREATE TABLE public.t83 (id int, c public.citext);
INSERT INTO public.t83 VALUES (0, 'MiXed'), (1, ''), (-1, NULL);
CREATE TABLE public.t84 (id int, c public.citext[]);
INSERT INTO public.t84 VALUES (0, '{A,b}'), (-1, NULL);
CREATE TABLE public.t85 (id int, c public.hstore);
INSERT INTO public.t85 VALUES (0, ''), (1, '"a"=>NULL, "b"=>"", "é"=>"x"'), (-1, NULL);
CREATE TABLE public.t86 (id int, c public.ltree);
INSERT INTO public.t86 VALUES (0, 'Top.Science.Astronomy'), (1, ''), (-1, NULL);
CREATE TABLE public.t87 (id int, c public.lquery);
INSERT INTO public.t87 VALUES (0, '*.a{1,2}.b|c'), (-1, NULL);
CREATE TABLE public.t88 (id int, c public.cube);
INSERT INTO public.t88 VALUES (0, '(1, 2),(3, 4)'), (-1, NULL);
CREATE TABLE public.t89 (id int, c public.seg);
INSERT INTO public.t89 VALUES (0, '1.00 .. 2.5'), (-1, NULL);
CREATE TABLE public.t90 (id int, c public.isbn);
INSERT INTO public.t90 VALUES (0, '0-393-04002-X'), (-1, NULL);
CREATE TABLE public.wide (c0 boolean, c1 smallint, c2 integer, c3 bigint, c4 oid, c5 xid, c6 xid8, c7 cid, c8 tid, c9 real, c10 double precision, c11 numeric, c12 numeric(10,2), c13 numeric(50,20), c14 numeric(3,-2), c15 numeric(2,5), c16 money, c17 text, c18 varchar(5), c19 char(5), c20 bpchar, c21 name, c22 "char", c23 bytea, c24 date, c25 time, c26 time(0), c27 timetz, c28 timestamp, c29 timestamptz, c30 interval, c31 interval day to second(2), c32 uuid, c33 json, c34 jsonb, c35 jsonpath, c36 xml, c37 bit(3), c38 bit(70), c39 bit varying, c40 inet, c41 cidr, c42 macaddr, c43 macaddr8, c44 point, c45 line, c46 lseg, c47 box, c48 path, c49 polygon, c50 circle, c51 tsvector, c52 tsquery, c53 pg_lsn, c54 pg_snapshot, c55 regclass, c56 regtype, c57 regproc, c58 int2vector, c59 oidvector, c60 int[], c61 text[], c62 numeric(5,1)[], c63 timestamptz[], c64 jsonb[], c65 xml[], c66 point[], c67 int4range, c68 numrange, c69 tstzrange, c70 daterange, c71 int4multirange, c72 datemultirange, c73 int4range[], c74 public.mood, c75 public.mood[], c76 public.price, c78 public.pair, c79 public.pair[], c80 public.outer, c81 public.place, c82 public.floats, c83 public.citext, c84 public.citext[], c85 public.hstore, c86 public.ltree, c87 public.lquery, c88 public.cube, c89 public.seg, c90 public.isbn);
INSERT INTO public.wide SELECT
  (SELECT c FROM public.t0 WHERE id = 0),
  (SELECT c FROM public.t1 WHERE id = 0),
  (SELECT c FROM public.t2 WHERE id = 0),
  (SELECT c FROM public.t3 WHERE id = 0),
  (SELECT c FROM public.t4 WHERE id = 0),
  (SELECT c FROM public.t5 WHERE id = 0),
  (SELECT c FROM public.t6 WHERE id = 0),
  (SELECT c FROM public.t7 WHERE id = 0),
  (SELECT c FROM public.t8 WHERE id = 0),
  (SELECT c FROM public.t9 WHERE id = 0),
  (SELECT c FROM public.t10 WHERE id = 0),
  (SELECT c FROM public.t11 WHERE id = 0),
  (SELECT c FROM public.t12 WHERE id = 0),
  (SELECT c FROM public.t13 WHERE id = 0),
  (SELECT c FROM public.t14 WHERE id = 0),
  (SELECT c FROM public.t15 WHERE id = 0),
  (SELECT c FROM public.t16 WHERE id = 0),
  (SELECT c FROM public.t17 WHERE id = 0),
  (SELECT c FROM public.t18 WHERE id = 0),
  (SELECT c FROM public.t19 WHERE id = 0),
  (SELECT c FROM public.t20 WHERE id = 0),
  (SELECT c FROM public.t21 WHERE id = 0),
  (SELECT c FROM public.t22 WHERE id = 0),
  (SELECT c FROM public.t23 WHERE id = 0),
  (SELECT c FROM public.t24 WHERE id = 0),
  (SELECT c FROM public.t25 WHERE id = 0),
  (SELECT c FROM public.t26 WHERE id = 0),
  (SELECT c FROM public.t27 WHERE id = 0),
  (SELECT c FROM public.t28 WHERE id = 0),
  (SELECT c FROM public.t29 WHERE id = 0),
  (SELECT c FROM public.t30 WHERE id = 0),
  (SELECT c FROM public.t31 WHERE id = 0),
  (SELECT c FROM public.t32 WHERE id = 0),
  (SELECT c FROM public.t33 WHERE id = 0),
  (SELECT c FROM public.t34 WHERE id = 0),
  (SELECT c FROM public.t35 WHERE id = 0),
  (SELECT c FROM public.t36 WHERE id = 0),
  (SELECT c FROM public.t37 WHERE id = 0),
  (SELECT c FROM public.t38 WHERE id = 0),
  (SELECT c FROM public.t39 WHERE id = 0),
  (SELECT c FROM public.t40 WHERE id = 0),
  (SELECT c FROM public.t41 WHERE id = 0),
  (SELECT c FROM public.t42 WHERE id = 0),
  (SELECT c FROM public.t43 WHERE id = 0),
  (SELECT c FROM public.t44 WHERE id = 0),
  (SELECT c FROM public.t45 WHERE id = 0),
  (SELECT c FROM public.t46 WHERE id = 0),
  (SELECT c FROM public.t47 WHERE id = 0),
  (SELECT c FROM public.t48 WHERE id = 0),
  (SELECT c FROM public.t49 WHERE id = 0),
  (SELECT c FROM public.t50 WHERE id = 0),
  (SELECT c FROM public.t51 WHERE id = 0),
  (SELECT c FROM public.t52 WHERE id = 0),
  (SELECT c FROM public.t53 WHERE id = 0),
  (SELECT c FROM public.t54 WHERE id = 0),
  (SELECT c FROM public.t55 WHERE id = 0),
  (SELECT c FROM public.t56 WHERE id = 0),
  (SELECT c FROM public.t57 WHERE id = 0),
  (SELECT c FROM public.t58 WHERE id = 0),
  (SELECT c FROM public.t59 WHERE id = 0),
  (SELECT c FROM public.t60 WHERE id = 0),
  (SELECT c FROM public.t61 WHERE id = 0),
  (SELECT c FROM public.t62 WHERE id = 0),
  (SELECT c FROM public.t63 WHERE id = 0),
  (SELECT c FROM public.t64 WHERE id = 0),
  (SELECT c FROM public.t65 WHERE id = 0),
  (SELECT c FROM public.t66 WHERE id = 0),
  (SELECT c FROM public.t67 WHERE id = 0),
  (SELECT c FROM public.t68 WHERE id = 0),
  (SELECT c FROM public.t69 WHERE id = 0),
  (SELECT c FROM public.t70 WHERE id = 0),
  (SELECT c FROM public.t71 WHERE id = 0),
  (SELECT c FROM public.t72 WHERE id = 0),
  (SELECT c FROM public.t73 WHERE id = 0),
  (SELECT c FROM public.t74 WHERE id = 0),
  (SELECT c FROM public.t75 WHERE id = 0),
  (SELECT c FROM public.t76 WHERE id = 0),
  (SELECT c FROM public.t78 WHERE id = 0),
  (SELECT c FROM public.t79 WHERE id = 0),
  (SELECT c FROM public.t80 WHERE id = 0),
  (SELECT c FROM public.t81 WHERE id = 0),
  (SELECT c FROM public.t82 WHERE id = 0),
  (SELECT c FROM public.t83 WHERE id = 0),
  (SELECT c FROM public.t84 WHERE id = 0),
  (SELECT c FROM public.t85 WHERE id = 0),
  (SELECT c FROM public.t86 WHERE id = 0),
  (SELECT c FROM public.t87 WHERE id = 0),
  (SELECT c FROM public.t88 WHERE id = 0),
  (SELECT c FROM public.t89 WHERE id = 0),
  (SELECT c FROM public.t90 WHERE id = 0);
INSERT INTO public.wide SELECT
  (SELECT c FROM public.t0 WHERE id = 1),
  (SELECT c FROM public.t1 WHERE id = 1),
  (SELECT c FROM public.t2 WHERE id = 1),
  (SELECT c FROM public.t3 WHERE id = 1),
  (SELECT c FROM public.t4 WHERE id = 1),
  (SELECT c FROM public.t5 WHERE id = 0),
  (SELECT c FROM public.t6 WHERE id = 0),
  (SELECT c FROM public.t7 WHERE id = 0),
  (SELECT c FROM public.t8 WHERE id = 0),
  (SELECT c FROM public.t9 WHERE id = 1),
  (SELECT c FROM public.t10 WHERE id = 1),
  (SELECT c FROM public.t11 WHERE id = 1),
  (SELECT c FROM public.t12 WHERE id = 1),
  (SELECT c FROM public.t13 WHERE id = 1),
  (SELECT c FROM public.t14 WHERE id = 1),
  (SELECT c FROM public.t15 WHERE id = 0),
  (SELECT c FROM public.t16 WHERE id = 1),
  (SELECT c FROM public.t17 WHERE id = 1),
  (SELECT c FROM public.t18 WHERE id = 1),
  (SELECT c FROM public.t19 WHERE id = 1),
  (SELECT c FROM public.t20 WHERE id = 0),
  (SELECT c FROM public.t21 WHERE id = 0),
  (SELECT c FROM public.t22 WHERE id = 1),
  (SELECT c FROM public.t23 WHERE id = 1),
  (SELECT c FROM public.t24 WHERE id = 1),
  (SELECT c FROM public.t25 WHERE id = 1),
  (SELECT c FROM public.t26 WHERE id = 0),
  (SELECT c FROM public.t27 WHERE id = 1),
  (SELECT c FROM public.t28 WHERE id = 1),
  (SELECT c FROM public.t29 WHERE id = 1),
  (SELECT c FROM public.t30 WHERE id = 1),
  (SELECT c FROM public.t31 WHERE id = 0),
  (SELECT c FROM public.t32 WHERE id = 1),
  (SELECT c FROM public.t33 WHERE id = 1),
  (SELECT c FROM public.t34 WHERE id = 1),
  (SELECT c FROM public.t35 WHERE id = 0),
  (SELECT c FROM public.t36 WHERE id = 1),
  (SELECT c FROM public.t37 WHERE id = 1),
  (SELECT c FROM public.t38 WHERE id = 0),
  (SELECT c FROM public.t39 WHERE id = 1),
  (SELECT c FROM public.t40 WHERE id = 1),
  (SELECT c FROM public.t41 WHERE id = 1),
  (SELECT c FROM public.t42 WHERE id = 0),
  (SELECT c FROM public.t43 WHERE id = 0),
  (SELECT c FROM public.t44 WHERE id = 1),
  (SELECT c FROM public.t45 WHERE id = 0),
  (SELECT c FROM public.t46 WHERE id = 0),
  (SELECT c FROM public.t47 WHERE id = 0),
  (SELECT c FROM public.t48 WHERE id = 1),
  (SELECT c FROM public.t49 WHERE id = 0),
  (SELECT c FROM public.t50 WHERE id = 0),
  (SELECT c FROM public.t51 WHERE id = 1),
  (SELECT c FROM public.t52 WHERE id = 0),
  (SELECT c FROM public.t53 WHERE id = 0),
  (SELECT c FROM public.t54 WHERE id = 0),
  (SELECT c FROM public.t55 WHERE id = 1),
  (SELECT c FROM public.t56 WHERE id = 0),
  (SELECT c FROM public.t57 WHERE id = 0),
  (SELECT c FROM public.t58 WHERE id = 0),
  (SELECT c FROM public.t59 WHERE id = 0),
  (SELECT c FROM public.t60 WHERE id = 1),
  (SELECT c FROM public.t61 WHERE id = 1),
  (SELECT c FROM public.t62 WHERE id = 0),
  (SELECT c FROM public.t63 WHERE id = 0),
  (SELECT c FROM public.t64 WHERE id = 0),
  (SELECT c FROM public.t65 WHERE id = 0),
  (SELECT c FROM public.t66 WHERE id = 0),
  (SELECT c FROM public.t67 WHERE id = 1),
  (SELECT c FROM public.t68 WHERE id = 1),
  (SELECT c FROM public.t69 WHERE id = 1),
  (SELECT c FROM public.t70 WHERE id = 0),
  (SELECT c FROM public.t71 WHERE id = 1),
  (SELECT c FROM public.t72 WHERE id = 0),
  (SELECT c FROM public.t73 WHERE id = 1),
  (SELECT c FROM public.t74 WHERE id = 1),
  (SELECT c FROM public.t75 WHERE id = 1),
  (SELECT c FROM public.t76 WHERE id = 1),
  (SELECT c FROM public.t78 WHERE id = 1),
  (SELECT c FROM public.t79 WHERE id = 1),
  (SELECT c FROM public.t80 WHERE id = 0),
  (SELECT c FROM public.t81 WHERE id = 0),
  (SELECT c FROM public.t82 WHERE id = 1),
  (SELECT c FROM public.t83 WHERE id = 1),
  (SELECT c FROM public.t84 WHERE id = 0),
  (SELECT c FROM public.t85 WHERE id = 1),
  (SELECT c FROM public.t86 WHERE id = 1),
  (SELECT c FROM public.t87 WHERE id = 0),
  (SELECT c FROM public.t88 WHERE id = 0),
  (SELECT c FROM public.t89 WHERE id = 0),
  (SELECT c FROM public.t90 WHERE id = 0);
INSERT INTO public.wide SELECT
  (SELECT c FROM public.t0 WHERE id = 0),
  (SELECT c FROM public.t1 WHERE id = 0),
  (SELECT c FROM public.t2 WHERE id = 0),
  (SELECT c FROM public.t3 WHERE id = 0),
  (SELECT c FROM public.t4 WHERE id = 0),
  (SELECT c FROM public.t5 WHERE id = 0),
  (SELECT c FROM public.t6 WHERE id = 0),
  (SELECT c FROM public.t7 WHERE id = 0),
  (SELECT c FROM public.t8 WHERE id = 0),
  (SELECT c FROM public.t9 WHERE id = 0),
  (SELECT c FROM public.t10 WHERE id = 0),
  (SELECT c FROM public.t11 WHERE id = 0),
  (SELECT c FROM public.t12 WHERE id = 0),
  (SELECT c FROM public.t13 WHERE id = 0),
  (SELECT c FROM public.t14 WHERE id = 0),
  (SELECT c FROM public.t15 WHERE id = 0),
  (SELECT c FROM public.t16 WHERE id = 0),
  (SELECT c FROM public.t17 WHERE id = 0),
  (SELECT c FROM public.t18 WHERE id = 0),
  (SELECT c FROM public.t19 WHERE id = 0),
  (SELECT c FROM public.t20 WHERE id = 0),
  (SELECT c FROM public.t21 WHERE id = 0),
  (SELECT c FROM public.t22 WHERE id = 0),
  (SELECT c FROM public.t23 WHERE id = 0),
  (SELECT c FROM public.t24 WHERE id = 0),
  (SELECT c FROM public.t25 WHERE id = 0),
  (SELECT c FROM public.t26 WHERE id = 0),
  (SELECT c FROM public.t27 WHERE id = 0),
  (SELECT c FROM public.t28 WHERE id = 0),
  (SELECT c FROM public.t29 WHERE id = 0),
  (SELECT c FROM public.t30 WHERE id = 0),
  (SELECT c FROM public.t31 WHERE id = 0),
  (SELECT c FROM public.t32 WHERE id = 0),
  (SELECT c FROM public.t33 WHERE id = 0),
  (SELECT c FROM public.t34 WHERE id = 0),
  (SELECT c FROM public.t35 WHERE id = 0),
  (SELECT c FROM public.t36 WHERE id = 0),
  (SELECT c FROM public.t37 WHERE id = 0),
  (SELECT c FROM public.t38 WHERE id = 0),
  (SELECT c FROM public.t39 WHERE id = 0),
  (SELECT c FROM public.t40 WHERE id = 0),
  (SELECT c FROM public.t41 WHERE id = 0),
  (SELECT c FROM public.t42 WHERE id = 0),
  (SELECT c FROM public.t43 WHERE id = 0),
  (SELECT c FROM public.t44 WHERE id = 0),
  (SELECT c FROM public.t45 WHERE id = 0),
  (SELECT c FROM public.t46 WHERE id = 0),
  (SELECT c FROM public.t47 WHERE id = 0),
  (SELECT c FROM public.t48 WHERE id = 0),
  (SELECT c FROM public.t49 WHERE id = 0),
  (SELECT c FROM public.t50 WHERE id = 0),
  (SELECT c FROM public.t51 WHERE id = 0),
  (SELECT c FROM public.t52 WHERE id = 0),
  (SELECT c FROM public.t53 WHERE id = 0),
  (SELECT c FROM public.t54 WHERE id = 0),
  (SELECT c FROM public.t55 WHERE id = 0),
  (SELECT c FROM public.t56 WHERE id = 0),
  (SELECT c FROM public.t57 WHERE id = 0),
  (SELECT c FROM public.t58 WHERE id = 0),
  (SELECT c FROM public.t59 WHERE id = 0),
  (SELECT c FROM public.t60 WHERE id = 0),
  (SELECT c FROM public.t61 WHERE id = 0),
  (SELECT c FROM public.t62 WHERE id = 0),
  (SELECT c FROM public.t63 WHERE id = 0),
  (SELECT c FROM public.t64 WHERE id = 0),
  (SELECT c FROM public.t65 WHERE id = 0),
  (SELECT c FROM public.t66 WHERE id = 0),
  (SELECT c FROM public.t67 WHERE id = 0),
  (SELECT c FROM public.t68 WHERE id = 0),
  (SELECT c FROM public.t69 WHERE id = 0),
  (SELECT c FROM public.t70 WHERE id = 0),
  (SELECT c FROM public.t71 WHERE id = 0),
  (SELECT c FROM public.t72 WHERE id = 0),
  (SELECT c FROM public.t73 WHERE id = 0),
  (SELECT c FROM public.t74 WHERE id = 0),
  (SELECT c FROM public.t75 WHERE id = 0),
  (SELECT c FROM public.t76 WHERE id = 0),
  (SELECT c FROM public.t78 WHERE id = 0),
  (SELECT c FROM public.t79 WHERE id = 0),
  (SELECT c FROM public.t80 WHERE id = 0),
  (SELECT c FROM public.t81 WHERE id = 0),
  (SELECT c FROM public.t82 WHERE id = 0),
  (SELECT c FROM public.t83 WHERE id = 0),
  (SELECT c FROM public.t84 WHERE id = 0),
  (SELECT c FROM public.t85 WHERE id = 0),
  (SELECT c FROM public.t86 WHERE id = 0),
  (SELECT c FROM public.t87 WHERE id = 0),
  (SELECT c FROM public.t88 WHERE id = 0),
  (SELECT c FROM public.t89 WHERE id = 0),
  (SELECT c FROM public.t90 WHERE id = 0);
