SET NAMES utf8mb4;
SET sql_mode='';
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
) ENGINE=InnoDB AUTO_INCREMENT=42 ROW_FORMAT=DYNAMIC COMMENT='the parent''s table, (odd)';
CREATE TABLE child (
  a int NOT NULL, b int NOT NULL, parent_id int unsigned, code varchar(20) CHARACTER SET latin1 COLLATE latin1_general_cs,
  PRIMARY KEY (a,b),
  KEY k_parent (parent_id),
  CONSTRAINT fk_parent FOREIGN KEY (parent_id) REFERENCES parent (id) ON DELETE CASCADE ON UPDATE SET NULL,
  CONSTRAINT fk_code FOREIGN KEY (code) REFERENCES parent (code),
  up_a int, up_b int, CONSTRAINT fk_self FOREIGN KEY (up_a,up_b) REFERENCES child (a,b) ON DELETE RESTRICT
) DEFAULT CHARSET=utf8mb3 COLLATE=utf8mb3_bin;
CREATE TABLE ints (
  t tinyint, t1 tinyint(1) default 1, tu tinyint unsigned, tz tinyint(3) unsigned zerofill, s smallint, su smallint(5) unsigned, m mediumint, mu mediumint unsigned,
  i int(11), iz int(5) zerofill, bi bigint(20), biu bigint unsigned default 18446744073709551615, b1 bit, b64 bit(64), d decimal, d65 decimal(65,30), dz decimal(8,2) unsigned zerofill,
  f float, ff float(7,3), fu float unsigned, d8 double default 1.5e10, dd double(10,2), y year
);
CREATE TABLE texts (
  c char(10), c0 char(0), v varchar(255), t tinytext, te text, m mediumtext, l longtext, ascii varchar(5) character set ascii, bin char(5) binary, nat national varchar(5),
  b binary(16), vb varbinary(20), tb tinyblob, bl blob, mb mediumblob, lb longblob, d date, dt datetime, dt3 datetime(3), ts timestamp(6) NULL, ti time, ti4 time(4), y year
  , sj varchar(10) character set sjis, u16 varchar(10) character set utf16, bn varbinary(4) default 'a\0b\'', tx varchar(9) default '', nn varchar(9) not null, zd date default '0000-00-00'
);
CREATE TABLE geo (id int primary key, g geometry not null, p point not null, l linestring, po polygon, mp multipoint, ml multilinestring, mpo multipolygon, gc geometrycollection, SPATIAL KEY sg (g));
CREATE TABLE parts (id int not null, d date not null, v varchar(10), primary key (id,d), key kv(v)) PARTITION BY RANGE (year(d)) SUBPARTITION BY HASH (id) SUBPARTITIONS 2 (PARTITION p0 VALUES LESS THAN (2000) COMMENT 'old', PARTITION p1 VALUES LESS THAN MAXVALUE);
CREATE TABLE lists (id int, r varchar(5)) PARTITION BY LIST COLUMNS (r) (PARTITION a VALUES IN ('x','y'), PARTITION b VALUES IN (NULL,'z'));
CREATE TABLE keyed (id int primary key auto_increment) PARTITION BY LINEAR KEY (id) PARTITIONS 3;
CREATE TABLE my (id int not null auto_increment, grp int not null, v char(3), primary key (grp,id)) ENGINE=MyISAM AUTO_INCREMENT=7;
CREATE TABLE mem (id int primary key) ENGINE=MEMORY MAX_ROWS=100;
CREATE TABLE comp (id int primary key, b text) ROW_FORMAT=COMPRESSED KEY_BLOCK_SIZE=8 STATS_PERSISTENT=1 STATS_SAMPLE_PAGES=20;
CREATE TABLE `we``ird %?*./\\ é` (`a``b` int primary key, `select` int, `x y` int COMMENT 'x\ny', key `k``x` (`select`));
CREATE TABLE u_only (a int not null, b int, unique key ua (a), unique key ub(b));
CREATE VIEW v1 AS SELECT id, name FROM parent WHERE id > 1;
CREATE ALGORITHM=MERGE DEFINER=root@localhost SQL SECURITY INVOKER VIEW a_view AS SELECT v1.id, c.a FROM v1 JOIN child c ON c.parent_id=v1.id WITH CASCADED CHECK OPTION;
DELIMITER //
CREATE TRIGGER tr1 BEFORE INSERT ON parent FOR EACH ROW BEGIN SET NEW.name = CONCAT(NEW.name, 'é'); END//
CREATE TRIGGER tr0 BEFORE INSERT ON parent FOR EACH ROW PRECEDES tr1 SET NEW.price = NEW.price//
CREATE PROCEDURE p1(IN a int, OUT b int) COMMENT 'pc' BEGIN SELECT a INTO b; END//
CREATE FUNCTION f1(a int) RETURNS int DETERMINISTIC NO SQL RETURN a + 1//
CREATE EVENT e1 ON SCHEDULE EVERY 1 DAY STARTS '2026-01-01 00:00:00' DISABLE COMMENT 'ev' DO DELETE FROM child//
DELIMITER ;
