-- What only MariaDB can hold.
CREATE SEQUENCE s1 START WITH 5 INCREMENT BY 2 CACHE 10 CYCLE MAXVALUE 1000;
SELECT NEXTVAL(s1);
CREATE SEQUENCE s2 INCREMENT BY -1 NOCACHE;
CREATE TABLE r_only (
  id bigint unsigned NOT NULL AUTO_INCREMENT PRIMARY KEY,
  hid int INVISIBLE DEFAULT 3,
  j json DEFAULT json_array(1,2), jn json NOT NULL DEFAULT '{}',
  u uuid DEFAULT uuid(), i6 inet6, i4 inet4,
  t text DEFAULT 'abc',
  n int DEFAULT (1+1), seqd int DEFAULT nextval(s1),
  g point REF_SYSTEM_ID=4326 NOT NULL,
  cmp text COMPRESSED, cb varchar(1000) /*M!100301 COMPRESSED */,
  de date DEFAULT current_date, d2 int DEFAULT (n * 2),
  jl longtext CHARACTER SET utf8mb4 COLLATE utf8mb4_bin,
  un varchar(10) COLLATE utf8mb4_uca1400_spanish_as_ci,
  colchk int CHECK (colchk > 1),
  inv int GENERATED ALWAYS AS (n+1) VIRTUAL INVISIBLE,
  KEY k_ign (n) IGNORED,
  SPATIAL KEY (g),
  KEY kc (hid) COMMENT 'idx comment',
  UNIQUE KEY ul (t) USING HASH,
  CONSTRAINT cc CHECK (n > 0 and t <> 'x')
) AUTO_INCREMENT=5000000000;
INSERT INTO r_only (id, hid, j, jn, u, i6, i4, t, n, seqd, g, cmp, cb, de, d2, jl, colchk) VALUES
  (1, 4, '{"b" : 1.50,"a":[null]}', '[]', '00010203-0405-0607-0809-0a0b0c0d0e0f', '2001:db8::ff', '192.0.2.1', 'text', 1, 3,
   ST_GeomFromText('POINT(10 20)', 4326), REPEAT('c', 1000), REPEAT('d', 1000), '2026-02-28', 8, 'no json', 2);
CREATE TABLE sv (id int PRIMARY KEY, v int) WITH SYSTEM VERSIONING;
INSERT INTO sv VALUES (1, 1), (2, 2);
UPDATE sv SET v = 10 WHERE id = 1;
DELETE FROM sv WHERE id = 2;
CREATE TABLE svx (
  id int PRIMARY KEY, v int, w int WITHOUT SYSTEM VERSIONING,
  row_start timestamp(6) GENERATED ALWAYS AS ROW START, row_end timestamp(6) GENERATED ALWAYS AS ROW END,
  PERIOD FOR SYSTEM_TIME (row_start, row_end)
) WITH SYSTEM VERSIONING;
INSERT INTO svx (id, v, w) VALUES (1, 1, 1);
UPDATE svx SET v = 2;
CREATE TABLE svt (
  id int PRIMARY KEY, v int,
  rs bigint unsigned GENERATED ALWAYS AS ROW START INVISIBLE, re bigint unsigned GENERATED ALWAYS AS ROW END INVISIBLE,
  PERIOD FOR SYSTEM_TIME (rs, re)
) WITH SYSTEM VERSIONING;
INSERT INTO svt VALUES (1, 1);
CREATE TABLE svp (id int, v int) WITH SYSTEM VERSIONING PARTITION BY SYSTEM_TIME (PARTITION h HISTORY, PARTITION c CURRENT);
INSERT INTO svp VALUES (1, 1);
DELETE FROM svp;
CREATE TABLE ap (id int, s date, e date, PERIOD FOR app (s, e), UNIQUE KEY (id, app WITHOUT OVERLAPS));
INSERT INTO ap VALUES (1, '2026-01-01', '2026-02-01'), (1, '2026-02-01', '2026-03-01');
CREATE TABLE ar (id int PRIMARY KEY, t text) ENGINE=Aria PAGE_CHECKSUM=1 TRANSACTIONAL=1;
INSERT INTO ar VALUES (1, 'x');
CREATE TABLE pc (id int PRIMARY KEY) PAGE_COMPRESSED=1;
SET sql_mode = ORACLE;
DELIMITER //
CREATE PACKAGE pk AS FUNCTION x RETURN INT; END//
CREATE PACKAGE BODY pk AS FUNCTION x RETURN INT AS BEGIN RETURN 1; END; END//
DELIMITER ;
