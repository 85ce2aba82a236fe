CREATE TABLE m_only (
  id bigint unsigned NOT NULL AUTO_INCREMENT PRIMARY KEY,
  hid int INVISIBLE DEFAULT 3,
  j json DEFAULT (json_array(1,2)),
  u binary(16) DEFAULT (uuid_to_bin(uuid())),
  t text DEFAULT ('abc'),
  n int DEFAULT (1+1),
  g point SRID 4326 NOT NULL,
  vec vector(3),
  e varchar(10) COLLATE utf8mb4_0900_as_cs,
  se varchar(20) NOT SECONDARY,
  de date default (current_date),
  KEY k_inv (n) INVISIBLE,
  KEY k_fun ((lower(e)), id DESC),
  KEY k_multi ((cast(j->'$[*]' as unsigned array))),
  SPATIAL KEY (g),
  FULLTEXT KEY ft (t) WITH PARSER ngram,
  KEY kc (e) COMMENT 'idx comment',
  CHECK (n > 0) NOT ENFORCED
) AUTO_INCREMENT=5000000000 ENCRYPTION='N' ;
SET sql_generate_invisible_primary_key=ON;
CREATE TABLE gipk (a int);
SET sql_generate_invisible_primary_key=OFF;
CREATE TABLE attrs (id int primary key, v varchar(9) SECONDARY_ENGINE_ATTRIBUTE='{"a":1}') SECONDARY_ENGINE_ATTRIBUTE='{"b":2}';
