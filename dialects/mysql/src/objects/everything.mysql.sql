-- What only MySQL can hold.
CREATE TABLE m_only (
  id bigint unsigned NOT NULL AUTO_INCREMENT PRIMARY KEY,
  hid int INVISIBLE DEFAULT 3,
  j json DEFAULT (json_array(1,2)),
  u binary(16) DEFAULT (uuid_to_bin(uuid())),
  t text DEFAULT ('abc'),
  n int DEFAULT (1+1),
  g point NOT NULL SRID 4326,
  vec vector(3),
  e varchar(10) COLLATE utf8mb4_0900_as_cs,
  se varchar(20) NOT SECONDARY,
  de date DEFAULT (current_date),
  KEY k_inv (n) INVISIBLE,
  KEY k_fun ((lower(e)), id DESC),
  KEY k_multi ((cast(j->'$[*]' as unsigned array))),
  SPATIAL KEY (g),
  FULLTEXT KEY ft (t) WITH PARSER ngram,
  KEY kc (e) COMMENT 'idx comment',
  CHECK (n > 0) NOT ENFORCED
) AUTO_INCREMENT=5000000000;
INSERT INTO m_only (id, hid, j, u, t, n, g, vec, e, de) VALUES
  (1, 4, '{"b": 1.50, "a": [null, true, "é"]}', x'000102030405060708090a0b0c0d0e0f', 'text', -1,
   ST_GeomFromText('POINT(10 20)', 4326), string_to_vector('[1.5,-2,0]'), 'E', '2026-02-28'),
  (2, NULL, NULL, NULL, NULL, NULL, ST_GeomFromText('POINT(0 0)', 4326), NULL, NULL, NULL);
SET sql_generate_invisible_primary_key = ON;
CREATE TABLE gipk (a int);
INSERT INTO gipk VALUES (5), (6);
SET sql_generate_invisible_primary_key = OFF;
CREATE TABLE attributes (id int PRIMARY KEY, v varchar(9) SECONDARY_ENGINE_ATTRIBUTE='{"a":1}') SECONDARY_ENGINE_ATTRIBUTE='{"b":2}';
