CREATE SEQUENCE s1 START WITH 5 INCREMENT BY 2 CACHE 10 CYCLE MAXVALUE 1000;
SELECT NEXTVAL(s1);
CREATE TABLE r_only (
  id bigint unsigned NOT NULL AUTO_INCREMENT PRIMARY KEY,
  hid int INVISIBLE DEFAULT 3,
  j json DEFAULT json_array(1,2), jn json NOT NULL DEFAULT '{}',
  u uuid DEFAULT uuid(), i6 inet6, i4 inet4,
  t text DEFAULT 'abc',
  n int DEFAULT (1+1), seqd int DEFAULT nextval(s1),
  g point REF_SYSTEM_ID=4326 NOT NULL,
  cmp text COMPRESSED, cb varchar(1000) /*M!100301 COMPRESSED */,
  de date default current_date, d2 int default (n * 2),
  jl longtext CHARACTER SET utf8mb4 COLLATE utf8mb4_bin,
  colchk int CHECK (colchk > 1),
  inv int GENERATED ALWAYS AS (n+1) VIRTUAL INVISIBLE,
  KEY k_ign (n) IGNORED,
  SPATIAL KEY (g),
  KEY kc (hid) COMMENT 'idx comment',
  UNIQUE KEY ul (t) USING HASH,
  CONSTRAINT cc CHECK (n > 0 and t <> 'x')
) AUTO_INCREMENT=5000000000;
CREATE TABLE sv (id int primary key, v int) WITH SYSTEM VERSIONING;
CREATE TABLE svx (id int primary key, v int, w int without system versioning, row_start timestamp(6) generated always as row start, row_end timestamp(6) generated always as row end, period for system_time(row_start,row_end)) WITH SYSTEM VERSIONING;
CREATE TABLE svt (id int primary key, v int, rs bigint unsigned generated always as row start invisible, re bigint unsigned generated always as row end invisible, period for system_time(rs,re)) WITH SYSTEM VERSIONING;
CREATE TABLE svp (id int, v int) WITH SYSTEM VERSIONING PARTITION BY SYSTEM_TIME (PARTITION h HISTORY, PARTITION c CURRENT);
CREATE TABLE ap (id int, s date, e date, period for app(s,e), unique key (id, app without overlaps));
CREATE TABLE ar (id int primary key, t text) ENGINE=Aria PAGE_CHECKSUM=1 TRANSACTIONAL=1;
CREATE TABLE pc (id int primary key) PAGE_COMPRESSED=1;
SET sql_mode=ORACLE;
DELIMITER //
CREATE PACKAGE pk AS FUNCTION x RETURN INT; END//
CREATE PACKAGE BODY pk AS FUNCTION x RETURN INT AS BEGIN RETURN 1; END; END//
DELIMITER ;
