-- What a database of MySQL and of MariaDB can hold, in words that both have. It ends with the objects, so that what is
-- inserted here fires no trigger.
SET NAMES utf8mb4;
SET sql_mode = '';
SET time_zone = '+00:00';
CREATE TABLE parent (
  id int unsigned NOT NULL AUTO_INCREMENT,
  code varchar(20) CHARACTER SET latin1 COLLATE latin1_general_cs NOT NULL,
  name varchar(100) DEFAULT 'it''s \\ "x"\n' COMMENT 'a ''comment'' with, commas (and) `ticks`',
  price decimal(10,2) NOT NULL DEFAULT '0.00',
  total decimal(12,2) GENERATED ALWAYS AS (price * 2) STORED,
  half decimal(12,2) GENERATED ALWAYS AS (price / 2) VIRTUAL,
  made timestamp NOT NULL DEFAULT CURRENT_TIMESTAMP,
  changed datetime(6) DEFAULT CURRENT_TIMESTAMP(6) ON UPDATE CURRENT_TIMESTAMP(6),
  flags bit(5) DEFAULT b'101',
  kind enum('a','b','it''s','c,d') NOT NULL DEFAULT 'a',
  tags set('x','y','z') DEFAULT 'x,z',
  body text,
  data blob,
  PRIMARY KEY (id),
  UNIQUE KEY u_code (code),
  KEY k_name (name(10)),
  KEY k_desc (price DESC, id),
  FULLTEXT KEY f_body (body),
  CONSTRAINT price_positive CHECK (price >= 0),
  CONSTRAINT `odd ``name` CHECK (name <> 'a,b)(')
) ENGINE=InnoDB ROW_FORMAT=DYNAMIC COMMENT='the parent''s table, (odd)';
INSERT INTO parent (id, code, name, price, made, changed, flags, kind, tags, body, data) VALUES
  (1, 'ONE', 'é€😀', 1.50, '2026-01-02 03:04:05', '2026-01-02 03:04:05.678901', b'11111', 'it''s', 'x,y', 'some words', x'00ff27'),
  (2, 'one', '', 0.00, '1970-01-01 00:00:01', NULL, b'0', 'c,d', '', '', ''),
  (7, 'ÿ', NULL, 99999999.99, '2038-01-19 03:14:07', '9999-12-31 23:59:59.999999', NULL, 'a', NULL, NULL, NULL);
ALTER TABLE parent AUTO_INCREMENT = 42;
CREATE TABLE child (
  a int NOT NULL, b int NOT NULL, parent_id int unsigned,
  code varchar(20) CHARACTER SET latin1 COLLATE latin1_general_cs,
  up_a int, up_b int,
  PRIMARY KEY (a,b),
  KEY k_parent (parent_id),
  CONSTRAINT fk_parent FOREIGN KEY (parent_id) REFERENCES parent (id) ON DELETE CASCADE ON UPDATE SET NULL,
  CONSTRAINT fk_code FOREIGN KEY (code) REFERENCES parent (code),
  CONSTRAINT fk_self FOREIGN KEY (up_a,up_b) REFERENCES child (a,b) ON DELETE RESTRICT
) DEFAULT CHARSET=utf8mb3 COLLATE=utf8mb3_bin;
INSERT INTO child VALUES (1, 1, 1, 'ONE', NULL, NULL), (1, 2, 7, 'one', 1, 1), (2, -1, NULL, NULL, 1, 2);
CREATE TABLE ints (
  t tinyint, t1 tinyint(1) DEFAULT 1, tu tinyint unsigned, tz tinyint(3) unsigned zerofill, s smallint,
  su smallint(5) unsigned, m mediumint, mu mediumint unsigned, i int(11), iz int(5) zerofill, bi bigint(20),
  biu bigint unsigned DEFAULT 18446744073709551615, b1 bit, b64 bit(64), d decimal, d65 decimal(65,30),
  dz decimal(8,2) unsigned zerofill, f float, ff float(7,3), fu float unsigned, d8 double DEFAULT 1.5e10,
  dd double(10,2), y year
);
INSERT INTO ints (t, tz, iz, dz, f, y) VALUES (-128, 7, 42, 1.5, 0.1, 2026), (127, 0, 0, 0, -1e20, 0);
CREATE TABLE texts (
  c char(10), c0 char(0), v varchar(255), t tinytext, te text, m mediumtext, l longtext,
  `ascii` varchar(5) CHARACTER SET ascii, bin char(5) binary, nat national varchar(5), b binary(16), vb varbinary(20),
  tb tinyblob, bl blob, mb mediumblob, lb longblob, d date, dt datetime, dt3 datetime(3), ts timestamp(6) NULL, ti time,
  ti4 time(4), y year, sj varchar(10) CHARACTER SET sjis, u16 varchar(10) CHARACTER SET utf16,
  bn varbinary(4) DEFAULT 'a\0b\'', tx varchar(9) DEFAULT '', nn varchar(9) NOT NULL, zd date DEFAULT '0000-00-00'
);
INSERT INTO texts (c, v, b, sj, u16, ti4, nn) VALUES ('x  ', ' y ', 'z', 'あ', '😀', '-838:59:58.9999', '');
CREATE TABLE shapes (
  id int PRIMARY KEY, g geometry NOT NULL, p point NOT NULL, l linestring, po polygon, mp multipoint, ml multilinestring,
  mpo multipolygon, gc geometrycollection, SPATIAL KEY sg (g)
);
INSERT INTO shapes (id, g, p, l) VALUES
  (1, ST_GeomFromText('POINT(1 2)'), ST_GeomFromText('POINT(3 4)'), ST_GeomFromText('LINESTRING(0 0,1 1,2 0)'));
CREATE TABLE parts (id int NOT NULL, d date NOT NULL, v varchar(10), PRIMARY KEY (id,d), KEY kv (v))
  PARTITION BY RANGE (year(d)) SUBPARTITION BY HASH (id) SUBPARTITIONS 2
  (PARTITION p0 VALUES LESS THAN (2000) COMMENT 'old', PARTITION p1 VALUES LESS THAN MAXVALUE);
INSERT INTO parts VALUES (1, '1999-12-31', 'old'), (2, '2000-01-01', 'new'), (3, '2026-11-24', NULL);
CREATE TABLE lists (id int, r varchar(5)) PARTITION BY LIST COLUMNS (r)
  (PARTITION a VALUES IN ('x','y'), PARTITION b VALUES IN (NULL,'z'));
INSERT INTO lists VALUES (1, 'x'), (2, NULL);
CREATE TABLE keyed (id int PRIMARY KEY AUTO_INCREMENT) PARTITION BY LINEAR KEY (id) PARTITIONS 3;
CREATE TABLE grouped (id int NOT NULL AUTO_INCREMENT, grp int NOT NULL, v char(3), PRIMARY KEY (grp,id)) ENGINE=MyISAM AUTO_INCREMENT=7;
CREATE TABLE heap (id int PRIMARY KEY) ENGINE=MEMORY MAX_ROWS=100;
CREATE TABLE compressed (id int PRIMARY KEY, b text) ROW_FORMAT=COMPRESSED KEY_BLOCK_SIZE=8 STATS_PERSISTENT=1 STATS_SAMPLE_PAGES=20;
CREATE TABLE `we``ird %?*./\\ é` (`a``b` int PRIMARY KEY, `select` int, `x y` int COMMENT 'x\ny', KEY `k``x` (`select`));
INSERT INTO `we``ird %?*./\\ é` VALUES (1, 2, 3);
CREATE TABLE keyless (a int, b varchar(3));
INSERT INTO keyless VALUES (1, 'x'), (1, 'x'), (NULL, NULL);
CREATE TABLE unique_only (a int NOT NULL, b int, UNIQUE KEY ua (a), UNIQUE KEY ub (b));
INSERT INTO unique_only VALUES (1, NULL), (2, NULL), (3, 3);
CREATE VIEW v1 AS SELECT id, name FROM parent WHERE id > 1;
CREATE ALGORITHM=MERGE DEFINER=root@localhost SQL SECURITY INVOKER VIEW a_view AS
  SELECT v1.id, c.a FROM v1 JOIN child c ON c.parent_id = v1.id WITH CASCADED CHECK OPTION;
DELIMITER //
CREATE TRIGGER tr1 BEFORE INSERT ON parent FOR EACH ROW BEGIN SET NEW.name = CONCAT(NEW.name, 'é;'); END//
CREATE TRIGGER tr0 BEFORE INSERT ON parent FOR EACH ROW PRECEDES tr1 SET NEW.price = NEW.price//
SET sql_mode = 'ANSI_QUOTES,STRICT_ALL_TABLES'//
CREATE TRIGGER tr2 AFTER DELETE ON parent FOR EACH ROW INSERT INTO "keyless" VALUES (OLD.id, 'del')//
SET sql_mode = ''//
CREATE PROCEDURE p1(IN a int, OUT b int) COMMENT 'pc' BEGIN SELECT a INTO b; END//
CREATE FUNCTION f1(a int) RETURNS int DETERMINISTIC NO SQL RETURN a + 1//
CREATE VIEW v_function AS SELECT f1(id) AS next FROM parent//
CREATE EVENT e1 ON SCHEDULE EVERY 1 DAY STARTS '2026-01-01 00:00:00' DISABLE COMMENT 'ev' DO DELETE FROM child//
DELIMITER ;
