CREATE TABLE "note" (
	"id" INTEGER NOT NULL, 
	"body" VARCHAR(40), 
	"updated_at" TIMESTAMP NOT NULL, 
	PRIMARY KEY ("id")
);
INSERT INTO "note" VALUES(1,'first','2026-03-01 12:00:00.000000');
INSERT INTO "note" VALUES(2,'third','2026-03-02 13:00:00.000000');
CREATE TABLE "orders" (
	"id" INTEGER NOT NULL, 
	"total" DECIMAL(10,2), 
	"created_at" TIMESTAMP NOT NULL, 
	PRIMARY KEY ("id")
);
INSERT INTO "orders" VALUES(1,10,'2026-03-01 10:00:00.000000');
INSERT INTO "orders" VALUES(2,7,'2026-03-01 23:50:00.000000');
INSERT INTO "orders" VALUES(3,1.25,'2026-03-02 08:00:00.000000');
INSERT INTO "orders" VALUES(4,3,'2026-03-01 15:00:00.000000');
CREATE TABLE "payment" (
	"id" INTEGER NOT NULL, 
	"orders_id" INTEGER NOT NULL, 
	"paid_at" TIMESTAMP NOT NULL, 
	PRIMARY KEY ("id"), 
	FOREIGN KEY("orders_id") REFERENCES "orders" ("id")
);
INSERT INTO "payment" VALUES(1,1,'2026-03-01 11:00:00.000000');
INSERT INTO "payment" VALUES(2,2,'2026-03-02 00:10:00.000000');
INSERT INTO "payment" VALUES(3,3,'2026-03-02 09:00:00.000000');
INSERT INTO "payment" VALUES(4,4,'2026-03-01 16:00:00.000000');
CREATE TABLE penstock_approvals (
	migration VARCHAR(40) NOT NULL, 
	backfill VARCHAR(80) NOT NULL, 
	run VARCHAR(250) NOT NULL, 
	asked_at VARCHAR(40) NOT NULL, 
	answer VARCHAR(16) NOT NULL, 
	"by" VARCHAR(250) NOT NULL, 
	at VARCHAR(40) NOT NULL, 
	rejected BIGINT NOT NULL, 
	warned TEXT NOT NULL, 
	PRIMARY KEY (migration, backfill)
);
CREATE TABLE penstock_coverage (
	migration VARCHAR(40) NOT NULL, 
	table_name VARCHAR(250) NOT NULL, 
	low VARCHAR(40) NOT NULL, 
	high VARCHAR(40) NOT NULL, 
	run VARCHAR(250) NOT NULL, 
	token VARCHAR(16) NOT NULL, 
	state VARCHAR(16) NOT NULL, 
	row_count BIGINT NOT NULL, 
	digest VARCHAR(80) NOT NULL, 
	rows_read BIGINT NOT NULL, 
	source VARCHAR(80) NOT NULL, 
	read_at VARCHAR(40) NOT NULL, 
	at VARCHAR(40) NOT NULL, 
	why TEXT NOT NULL, 
	watermark VARCHAR(40) NOT NULL, 
	whole_at VARCHAR(40) NOT NULL, 
	PRIMARY KEY (migration, table_name, low, high)
);
INSERT INTO "penstock_coverage" VALUES('days','orders','2026-03-02T00:00:00Z','2026-03-03T00:00:00Z','r2','ad7ff5e4','proven',1,'1:0d352868b2289614279b866aa4022ad9',1,'1:0d352868b2289614279b866aa4022ad9','2026-11-30T13:03:17.263334+00:00','2026-11-30T13:03:19.147393+00:00','','','2026-11-30T13:03:17.263334+00:00');
INSERT INTO "penstock_coverage" VALUES('days','payment','2026-03-02T00:00:00Z','2026-03-03T00:00:00Z','r2','ad7ff5e4','proven',2,'2:02a571a776ed4384cacd4c7d8623a3bf',2,'2:02a571a776ed4384cacd4c7d8623a3bf','2026-11-30T13:03:17.261272+00:00','2026-11-30T13:03:19.147486+00:00','','','2026-11-30T13:03:17.261272+00:00');
INSERT INTO "penstock_coverage" VALUES('town','person','','','r2','ad0532e9','proven',2,'2:097e4ae8dbce84619a95de3e9b04bb77',3,'3:33b4ab62b61ae70f04e00f3756363bd6','2026-11-30T13:03:20.693600+00:00','2026-11-30T13:03:23.666618+00:00','','','2026-11-30T13:03:20.693600+00:00');
INSERT INTO "penstock_coverage" VALUES('town','pet','','','r2','ad0532e9','proven',3,'3:9f1ede050397e1f8f03d5acdb766b81b',3,'3:9f1ede050397e1f8f03d5acdb766b81b','2026-11-30T13:03:20.712593+00:00','2026-11-30T13:03:23.666693+00:00','','','2026-11-30T13:03:20.712593+00:00');
INSERT INTO "penstock_coverage" VALUES('days','note','','','r3','4d856894','proven',2,'2:62bd2cff9573b7757fa94220f24869b4',1,'1:2d5ebe11c97e1366db204dca03f77d93','2026-11-30T13:03:24.864578+00:00','2026-11-30T13:03:26.923762+00:00','','2026-03-02 13:00:00','2026-11-30T13:03:14.010701+00:00');
INSERT INTO "penstock_coverage" VALUES('days','orders','2026-03-01T00:00:00Z','2026-03-02T00:00:00Z','r3','4d856894','proven',3,'3:c04df7d525469c7f5387fdd0e1065752',3,'3:c04df7d525469c7f5387fdd0e1065752','2026-11-30T13:03:24.863700+00:00','2026-11-30T13:03:26.923879+00:00','','','2026-11-30T13:03:24.863700+00:00');
INSERT INTO "penstock_coverage" VALUES('days','payment','2026-03-01T00:00:00Z','2026-03-02T00:00:00Z','r3','4d856894','proven',2,'2:228dae55556035dab8324194ba252d35',2,'2:228dae55556035dab8324194ba252d35','2026-11-30T13:03:24.864308+00:00','2026-11-30T13:03:26.923961+00:00','','','2026-11-30T13:03:24.864308+00:00');
CREATE TABLE penstock_keys (
	migration VARCHAR(40) NOT NULL, 
	run VARCHAR(250) NOT NULL, 
	random VARCHAR(64) NOT NULL, 
	area VARCHAR(64) NOT NULL, 
	at VARCHAR(40) NOT NULL, 
	PRIMARY KEY (migration, run)
);
CREATE TABLE "penstock_new_4d856894__note" (
	"id" INTEGER NOT NULL, 
	"body" VARCHAR(40), 
	"updated_at" TIMESTAMP NOT NULL, 
	PRIMARY KEY ("id")
);
INSERT INTO "penstock_new_4d856894__note" VALUES(2,'third','2026-03-02 13:00:00.000000');
CREATE TABLE "penstock_new_ad7ff5e4__note" (
	"id" INTEGER NOT NULL, 
	"body" VARCHAR(40), 
	"updated_at" TIMESTAMP NOT NULL, 
	PRIMARY KEY ("id")
);
INSERT INTO "penstock_new_ad7ff5e4__note" VALUES(2,'second','2026-03-02 12:00:00.000000');
CREATE TABLE "penstock_old_4d856894__note" (
	"id" INTEGER NOT NULL, 
	"body" VARCHAR(40), 
	"updated_at" TIMESTAMP NOT NULL
);
INSERT INTO "penstock_old_4d856894__note" VALUES(2,'second','2026-03-02 12:00:00.000000');
CREATE TABLE "penstock_old_4d856894__orders" (
	"id" INTEGER NOT NULL, 
	"total" DECIMAL(10,2), 
	"created_at" TIMESTAMP NOT NULL
);
INSERT INTO "penstock_old_4d856894__orders" VALUES(1,9.5,'2026-03-01 10:00:00.000000');
INSERT INTO "penstock_old_4d856894__orders" VALUES(2,7,'2026-03-01 23:50:00.000000');
CREATE TABLE "penstock_old_4d856894__payment" (
	"id" INTEGER NOT NULL, 
	"orders_id" INTEGER NOT NULL, 
	"paid_at" TIMESTAMP NOT NULL
);
INSERT INTO "penstock_old_4d856894__payment" VALUES(1,1,'2026-03-01 11:00:00.000000');
CREATE TABLE "penstock_old_ad0532e9__person" (
	"id" INTEGER NOT NULL, 
	"name" VARCHAR(40) NOT NULL, 
	"age" MEDIUMINT, 
	PRIMARY KEY ("id")
);
INSERT INTO "penstock_old_ad0532e9__person" VALUES(1,'Zoë',31);
INSERT INTO "penstock_old_ad0532e9__person" VALUES(2,'Bo',22);
CREATE TABLE "penstock_old_ad0532e9__pet" (
	"id" INTEGER NOT NULL, 
	"person" INTEGER NOT NULL, 
	"name" VARCHAR(40), 
	PRIMARY KEY ("id"), 
	FOREIGN KEY("person") REFERENCES "person" ("id")
);
INSERT INTO "penstock_old_ad0532e9__pet" VALUES(1,1,'Rex');
INSERT INTO "penstock_old_ad0532e9__pet" VALUES(2,2,'Mia');
INSERT INTO "penstock_old_ad0532e9__pet" VALUES(3,2,NULL);
CREATE TABLE "penstock_old_ad7ff5e4__note" (
	"id" INTEGER NOT NULL, 
	"body" VARCHAR(40), 
	"updated_at" TIMESTAMP NOT NULL
);
INSERT INTO "penstock_old_ad7ff5e4__note" VALUES(2,'second','2026-03-02 12:00:00.000000');
CREATE TABLE "penstock_old_ad7ff5e4__orders" (
	"id" INTEGER NOT NULL, 
	"total" DECIMAL(10,2), 
	"created_at" TIMESTAMP NOT NULL
);
CREATE TABLE "penstock_old_ad7ff5e4__payment" (
	"id" INTEGER NOT NULL, 
	"orders_id" INTEGER NOT NULL, 
	"paid_at" TIMESTAMP NOT NULL
);
CREATE TABLE "penstock_old_pending__payment" (
	"id" INTEGER NOT NULL, 
	"orders_id" INTEGER NOT NULL, 
	"paid_at" TIMESTAMP NOT NULL, 
	"penstock_ready" SMALLINT NOT NULL
);
CREATE TABLE penstock_pending (
	migration VARCHAR(40) NOT NULL, 
	table_name VARCHAR(250) NOT NULL, 
	low VARCHAR(40) NOT NULL, 
	high VARCHAR(40) NOT NULL, 
	row_count BIGINT NOT NULL, 
	PRIMARY KEY (migration, table_name, low, high)
);
CREATE TABLE penstock_receipts (
	run VARCHAR(250) NOT NULL, 
	table_name VARCHAR(250) NOT NULL, 
	stage VARCHAR(16) NOT NULL, 
	chunk INTEGER NOT NULL, 
	migration VARCHAR(40) NOT NULL, 
	row_count BIGINT NOT NULL, 
	digest VARCHAR(80) NOT NULL, 
	at VARCHAR(40) NOT NULL, 
	receipt TEXT NOT NULL, 
	PRIMARY KEY (run, table_name, stage, chunk)
);
INSERT INTO "penstock_receipts" VALUES('r1','note','loaded',0,'days',2,'2:0356a703c7e4acff3b3fe553b5616406','2026-11-30T13:03:15.378514+00:00','{"table": "note", "stage": "loaded", "chunk": 0, "rows_in": 2, "rows": 2, "digest": "2:0356a703c7e4acff3b3fe553b5616406", "digest_in": "2:0356a703c7e4acff3b3fe553b5616406", "rejected": 0, "filtered": 0, "bytes": 1252, "seconds": 0.02, "file": "", "sha256": "", "rejected_digest": "", "longest": 0}');
INSERT INTO "penstock_receipts" VALUES('r1','orders','loaded',0,'days',2,'2:8284c30d17e7feab9668e58114ac2d95','2026-11-30T13:03:15.441505+00:00','{"table": "orders", "stage": "loaded", "chunk": 0, "rows_in": 2, "rows": 2, "digest": "2:8284c30d17e7feab9668e58114ac2d95", "digest_in": "2:8284c30d17e7feab9668e58114ac2d95", "rejected": 0, "filtered": 0, "bytes": 1331, "seconds": 0.016, "file": "", "sha256": "", "rejected_digest": "", "longest": 0}');
INSERT INTO "penstock_receipts" VALUES('r1','payment','loaded',0,'days',1,'1:81669503fca3dbb828670107d839417d','2026-11-30T13:03:15.489150+00:00','{"table": "payment", "stage": "loaded", "chunk": 0, "rows_in": 1, "rows": 1, "digest": "1:81669503fca3dbb828670107d839417d", "digest_in": "1:81669503fca3dbb828670107d839417d", "rejected": 0, "filtered": 0, "bytes": 1283, "seconds": 0.015, "file": "", "sha256": "", "rejected_digest": "", "longest": 0}');
INSERT INTO "penstock_receipts" VALUES('r1','note','proved',0,'days',2,'2:0356a703c7e4acff3b3fe553b5616406','2026-11-30T13:03:15.839578+00:00','{"table": "note", "stage": "proved", "chunk": 0, "rows_in": 2, "rows": 2, "digest": "2:0356a703c7e4acff3b3fe553b5616406", "digest_in": "2:0356a703c7e4acff3b3fe553b5616406", "rejected": 0, "filtered": 0, "bytes": 0, "seconds": 0.001, "file": "", "sha256": "", "rejected_digest": "", "longest": 0}');
INSERT INTO "penstock_receipts" VALUES('r1','orders','proved',0,'days',2,'2:8284c30d17e7feab9668e58114ac2d95','2026-11-30T13:03:15.839660+00:00','{"table": "orders", "stage": "proved", "chunk": 0, "rows_in": 2, "rows": 2, "digest": "2:8284c30d17e7feab9668e58114ac2d95", "digest_in": "2:8284c30d17e7feab9668e58114ac2d95", "rejected": 0, "filtered": 0, "bytes": 0, "seconds": 0.001, "file": "", "sha256": "", "rejected_digest": "", "longest": 0}');
INSERT INTO "penstock_receipts" VALUES('r1','payment','proved',0,'days',1,'1:81669503fca3dbb828670107d839417d','2026-11-30T13:03:15.839698+00:00','{"table": "payment", "stage": "proved", "chunk": 0, "rows_in": 1, "rows": 1, "digest": "1:81669503fca3dbb828670107d839417d", "digest_in": "1:81669503fca3dbb828670107d839417d", "rejected": 0, "filtered": 0, "bytes": 0, "seconds": 0.001, "file": "", "sha256": "", "rejected_digest": "", "longest": 0}');
INSERT INTO "penstock_receipts" VALUES('r2','person','loaded',0,'town',2,'2:097e4ae8dbce84619a95de3e9b04bb77','2026-11-30T13:03:22.943923+00:00','{"table": "person", "stage": "loaded", "chunk": 0, "rows_in": 2, "rows": 2, "digest": "2:097e4ae8dbce84619a95de3e9b04bb77", "digest_in": "2:097e4ae8dbce84619a95de3e9b04bb77", "rejected": 0, "filtered": 0, "bytes": 1158, "seconds": 0.013, "file": "", "sha256": "", "rejected_digest": "", "longest": 0}');
INSERT INTO "penstock_receipts" VALUES('r2','pet','loaded',0,'town',3,'3:9f1ede050397e1f8f03d5acdb766b81b','2026-11-30T13:03:23.012337+00:00','{"table": "pet", "stage": "loaded", "chunk": 0, "rows_in": 3, "rows": 3, "digest": "3:9f1ede050397e1f8f03d5acdb766b81b", "digest_in": "3:9f1ede050397e1f8f03d5acdb766b81b", "rejected": 0, "filtered": 0, "bytes": 1245, "seconds": 0.008, "file": "", "sha256": "", "rejected_digest": "", "longest": 0}');
INSERT INTO "penstock_receipts" VALUES('r2','person','proved',0,'town',2,'2:097e4ae8dbce84619a95de3e9b04bb77','2026-11-30T13:03:23.463947+00:00','{"table": "person", "stage": "proved", "chunk": 0, "rows_in": 2, "rows": 2, "digest": "2:097e4ae8dbce84619a95de3e9b04bb77", "digest_in": "2:097e4ae8dbce84619a95de3e9b04bb77", "rejected": 0, "filtered": 0, "bytes": 0, "seconds": 0.001, "file": "", "sha256": "", "rejected_digest": "", "longest": 0}');
INSERT INTO "penstock_receipts" VALUES('r2','pet','proved',0,'town',3,'3:9f1ede050397e1f8f03d5acdb766b81b','2026-11-30T13:03:23.464062+00:00','{"table": "pet", "stage": "proved", "chunk": 0, "rows_in": 3, "rows": 3, "digest": "3:9f1ede050397e1f8f03d5acdb766b81b", "digest_in": "3:9f1ede050397e1f8f03d5acdb766b81b", "rejected": 0, "filtered": 0, "bytes": 0, "seconds": 0.001, "file": "", "sha256": "", "rejected_digest": "", "longest": 0}');
INSERT INTO "penstock_receipts" VALUES('r3','orders','loaded',0,'days',3,'3:c04df7d525469c7f5387fdd0e1065752','2026-11-30T13:03:26.077620+00:00','{"table": "orders", "stage": "loaded", "chunk": 0, "rows_in": 3, "rows": 3, "digest": "3:c04df7d525469c7f5387fdd0e1065752", "digest_in": "3:c04df7d525469c7f5387fdd0e1065752", "rejected": 0, "filtered": 0, "bytes": 1348, "seconds": 0.024, "file": "", "sha256": "", "rejected_digest": "", "longest": 0}');
INSERT INTO "penstock_receipts" VALUES('r3','payment','loaded',0,'days',2,'2:228dae55556035dab8324194ba252d35','2026-11-30T13:03:26.119541+00:00','{"table": "payment", "stage": "loaded", "chunk": 0, "rows_in": 2, "rows": 2, "digest": "2:228dae55556035dab8324194ba252d35", "digest_in": "2:228dae55556035dab8324194ba252d35", "rejected": 0, "filtered": 0, "bytes": 1307, "seconds": 0.002, "file": "", "sha256": "", "rejected_digest": "", "longest": 0}');
INSERT INTO "penstock_receipts" VALUES('r3','note','loaded',0,'days',1,'1:2d5ebe11c97e1366db204dca03f77d93','2026-11-30T13:03:26.167631+00:00','{"table": "note", "stage": "loaded", "chunk": 0, "rows_in": 1, "rows": 1, "digest": "1:2d5ebe11c97e1366db204dca03f77d93", "digest_in": "1:2d5ebe11c97e1366db204dca03f77d93", "rejected": 0, "filtered": 0, "bytes": 1226, "seconds": 0.017, "file": "", "sha256": "", "rejected_digest": "", "longest": 0}');
INSERT INTO "penstock_receipts" VALUES('r3','note','proved',0,'days',1,'1:2d5ebe11c97e1366db204dca03f77d93','2026-11-30T13:03:26.598105+00:00','{"table": "note", "stage": "proved", "chunk": 0, "rows_in": 1, "rows": 1, "digest": "1:2d5ebe11c97e1366db204dca03f77d93", "digest_in": "1:2d5ebe11c97e1366db204dca03f77d93", "rejected": 0, "filtered": 0, "bytes": 0, "seconds": 0.011, "file": "", "sha256": "", "rejected_digest": "", "longest": 0}');
INSERT INTO "penstock_receipts" VALUES('r3','orders','proved',0,'days',3,'3:c04df7d525469c7f5387fdd0e1065752','2026-11-30T13:03:26.598226+00:00','{"table": "orders", "stage": "proved", "chunk": 0, "rows_in": 3, "rows": 3, "digest": "3:c04df7d525469c7f5387fdd0e1065752", "digest_in": "3:c04df7d525469c7f5387fdd0e1065752", "rejected": 0, "filtered": 0, "bytes": 0, "seconds": 0.001, "file": "", "sha256": "", "rejected_digest": "", "longest": 0}');
INSERT INTO "penstock_receipts" VALUES('r3','payment','proved',0,'days',2,'2:228dae55556035dab8324194ba252d35','2026-11-30T13:03:26.598297+00:00','{"table": "payment", "stage": "proved", "chunk": 0, "rows_in": 2, "rows": 2, "digest": "2:228dae55556035dab8324194ba252d35", "digest_in": "2:228dae55556035dab8324194ba252d35", "rejected": 0, "filtered": 0, "bytes": 0, "seconds": 0.009, "file": "", "sha256": "", "rejected_digest": "", "longest": 0}');
INSERT INTO "penstock_receipts" VALUES('r2','person','redriven',0,'town',0,'0:00000000000000000000000000000000','2026-11-30T13:03:28.007695+00:00','{"table": "person", "stage": "redriven", "chunk": 0, "rows_in": 1, "rows": 0, "digest": "0:00000000000000000000000000000000", "digest_in": "", "rejected": 1, "filtered": 0, "bytes": 0, "seconds": 0.0, "file": "quarantine/person/redriven-00000.json", "sha256": "81ad6c4c41a6631cb31f5ecf155584f9489edfbfe98b4ee4b7bd391a26fe753a", "rejected_digest": "", "longest": 0}');
CREATE TABLE penstock_shadows (
	shadow VARCHAR(250) NOT NULL, 
	migration VARCHAR(40) NOT NULL, 
	run VARCHAR(280) NOT NULL, 
	PRIMARY KEY (shadow)
);
CREATE TABLE penstock_switches (
	token VARCHAR(16) NOT NULL, 
	migration VARCHAR(40) NOT NULL, 
	run VARCHAR(250) NOT NULL, 
	state VARCHAR(16) NOT NULL, 
	at VARCHAR(40) NOT NULL, 
	keep_until VARCHAR(40) NOT NULL, 
	position TEXT, 
	moves TEXT NOT NULL, 
	replaced TEXT NOT NULL, 
	evidence TEXT NOT NULL, 
	PRIMARY KEY (token)
);
INSERT INTO "penstock_switches" VALUES('4198fedb','town','r1','switched','2026-11-30T13:03:10.978122+00:00','2126-11-06T13:03:10.978054+00:00',NULL,'[[["person", "main"], ["penstock_new__person", "main"], null], [["pet", "main"], ["penstock_new__pet", "main"], null]]','[]','{"verdicts": [{"table": "person", "stage": "extracted", "decision": "go", "suite_sha256": null}, {"table": "pet", "stage": "extracted", "decision": "go", "suite_sha256": null}, {"table": "person", "stage": "loaded", "decision": "go", "suite_sha256": null}, {"table": "pet", "stage": "loaded", "decision": "go", "suite_sha256": null}, {"table": "person", "stage": "transformed", "decision": "go", "suite_sha256": null}], "proof": [{"table": "person", "source": "3:f198a7c81bae7b6707627fc9340b1eb8", "staged": "2:6397b0de021a7a6eb59e2f06a7409fb9", "target": "2:6397b0de021a7a6eb59e2f06a7409fb9", "chunks": 1, "rows_read": 3, "filtered": 0, "rejected": 1, "rows": 2, "balanced": true, "seal": null, "seconds": 0.001, "load_seconds": 0.014, "broken": "", "faults": [], "quarantined": "0:00000000000000000000000000000000", "standing": "0:00000000000000000000000000000000", "depth": "staged", "holds": true}, {"table": "pet", "source": "3:5604282b9847e25433e9613c62c3dec1", "staged": "3:5604282b9847e25433e9613c62c3dec1", "target": "3:5604282b9847e25433e9613c62c3dec1", "chunks": 1, "rows_read": 3, "filtered": 0, "rejected": 0, "rows": 3, "balanced": true, "seal": null, "seconds": 0.001, "load_seconds": 0.007, "broken": "", "faults": [], "quarantined": "0:00000000000000000000000000000000", "standing": "0:00000000000000000000000000000000", "depth": "staged", "holds": true}], "approval": null, "rejected": [{"table": "person", "rows": 1, "files": {"quarantine/person/transformed-00000.parquet": "769d936f6e7c81d85cab5407fb8b4cac43982b6cf60b74d42be79032466ff883"}}], "plan": "9019aa9e0f45a432e3a13829923294de8426393c85be8f017a30b40e8ca70583", "overlapped": [], "left": {}, "links": [], "exchanged": {}}');
INSERT INTO "penstock_switches" VALUES('b0dc9761','days','r1','switched','2026-11-30T13:03:16.118745+00:00','2126-11-06T13:03:16.118688+00:00',NULL,'[[["note", "main"], ["penstock_new_b0dc9761__note", "main"], null], [["orders", "main"], ["penstock_new_b0dc9761__orders", "main"], null], [["payment", "main"], ["penstock_new_b0dc9761__payment", "main"], null]]','[]','{"verdicts": [{"table": "note", "stage": "extracted", "decision": "go", "suite_sha256": null}, {"table": "orders", "stage": "extracted", "decision": "go", "suite_sha256": null}, {"table": "payment", "stage": "extracted", "decision": "go", "suite_sha256": null}, {"table": "note", "stage": "loaded", "decision": "go", "suite_sha256": null}, {"table": "orders", "stage": "loaded", "decision": "go", "suite_sha256": null}, {"table": "payment", "stage": "loaded", "decision": "go", "suite_sha256": null}], "proof": [{"table": "note", "source": "2:0356a703c7e4acff3b3fe553b5616406", "staged": "2:0356a703c7e4acff3b3fe553b5616406", "target": "2:0356a703c7e4acff3b3fe553b5616406", "chunks": 1, "rows_read": 2, "filtered": 0, "rejected": 0, "rows": 2, "balanced": true, "seal": null, "seconds": 0.001, "load_seconds": 0.02, "broken": "", "faults": [], "quarantined": "0:00000000000000000000000000000000", "standing": "0:00000000000000000000000000000000", "depth": "staged", "holds": true}, {"table": "orders", "source": "2:8284c30d17e7feab9668e58114ac2d95", "staged": "2:8284c30d17e7feab9668e58114ac2d95", "target": "2:8284c30d17e7feab9668e58114ac2d95", "chunks": 1, "rows_read": 2, "filtered": 0, "rejected": 0, "rows": 2, "balanced": true, "seal": null, "seconds": 0.001, "load_seconds": 0.016, "broken": "", "faults": [], "quarantined": "0:00000000000000000000000000000000", "standing": "0:00000000000000000000000000000000", "depth": "staged", "holds": true}, {"table": "payment", "source": "1:81669503fca3dbb828670107d839417d", "staged": "1:81669503fca3dbb828670107d839417d", "target": "1:81669503fca3dbb828670107d839417d", "chunks": 1, "rows_read": 1, "filtered": 0, "rejected": 0, "rows": 1, "balanced": true, "seal": null, "seconds": 0.001, "load_seconds": 0.015, "broken": "", "faults": [], "quarantined": "0:00000000000000000000000000000000", "standing": "0:00000000000000000000000000000000", "depth": "staged", "holds": true}], "approval": null, "rejected": [], "plan": "a3f3c0ba0261dedf06351284aa6953aba42ebd1ce4ff28e430802de112496bb7", "overlapped": [], "left": {}, "links": [], "exchanged": {}}');
INSERT INTO "penstock_switches" VALUES('ad7ff5e4','days','r2','switched','2026-11-30T13:03:19.171829+00:00','2126-11-06T13:03:19.171718+00:00',NULL,'[]','[[["note", "main"], ["penstock_new_ad7ff5e4__note", "main"], ["penstock_old_ad7ff5e4__note", "main"]], [["orders", "main"], ["penstock_new_ad7ff5e4__orders", "main"], ["penstock_old_ad7ff5e4__orders", "main"]], [["payment", "main"], ["penstock_new_ad7ff5e4__payment", "main"], ["penstock_old_ad7ff5e4__payment", "main"]]]','{"verdicts": [{"table": "note", "stage": "extracted", "decision": "go", "suite_sha256": null}, {"table": "orders", "stage": "extracted", "decision": "go", "suite_sha256": null}, {"table": "payment", "stage": "extracted", "decision": "go", "suite_sha256": null}, {"table": "note", "stage": "loaded", "decision": "go", "suite_sha256": null}, {"table": "orders", "stage": "loaded", "decision": "go", "suite_sha256": null}, {"table": "payment", "stage": "loaded", "decision": "go", "suite_sha256": null}], "proof": [{"table": "note", "source": "1:cdf83815fbef08f096b6f0fcc71077e5", "staged": "1:cdf83815fbef08f096b6f0fcc71077e5", "target": "1:cdf83815fbef08f096b6f0fcc71077e5", "chunks": 1, "rows_read": 1, "filtered": 0, "rejected": 0, "rows": 1, "balanced": true, "seal": null, "seconds": 0.01, "load_seconds": 0.002, "broken": "", "faults": [], "quarantined": "0:00000000000000000000000000000000", "standing": "0:00000000000000000000000000000000", "depth": "staged", "holds": true}, {"table": "orders", "source": "1:0d352868b2289614279b866aa4022ad9", "staged": "1:0d352868b2289614279b866aa4022ad9", "target": "1:0d352868b2289614279b866aa4022ad9", "chunks": 1, "rows_read": 1, "filtered": 0, "rejected": 0, "rows": 1, "balanced": true, "seal": null, "seconds": 0.001, "load_seconds": 0.002, "broken": "", "faults": [], "quarantined": "0:00000000000000000000000000000000", "standing": "0:00000000000000000000000000000000", "depth": "staged", "holds": true}, {"table": "payment", "source": "2:02a571a776ed4384cacd4c7d8623a3bf", "staged": "2:02a571a776ed4384cacd4c7d8623a3bf", "target": "2:02a571a776ed4384cacd4c7d8623a3bf", "chunks": 1, "rows_read": 2, "filtered": 0, "rejected": 0, "rows": 2, "balanced": true, "seal": null, "seconds": 0.001, "load_seconds": 0.006, "broken": "", "faults": [], "quarantined": "0:00000000000000000000000000000000", "standing": "0:00000000000000000000000000000000", "depth": "staged", "holds": true}], "approval": null, "rejected": [], "plan": "a3f3c0ba0261dedf06351284aa6953aba42ebd1ce4ff28e430802de112496bb7", "overlapped": [{"migration": "days", "table": "note", "low": "", "high": "", "run": "r1", "token": "b0dc9761", "state": "proven", "rows": 2, "digest": "2:0356a703c7e4acff3b3fe553b5616406", "rows_read": 2, "source": "2:0356a703c7e4acff3b3fe553b5616406", "read_at": "2026-11-30T13:03:14.010701+00:00", "at": "2026-11-30T13:03:16.066938+00:00", "why": "", "watermark": "2026-03-02 12:00:00", "whole_at": "2026-11-30T13:03:14.010701+00:00"}], "left": {}, "links": [], "exchanged": {}}');
INSERT INTO "penstock_switches" VALUES('ad0532e9','town','r2','switched','2026-11-30T13:03:23.719403+00:00','2126-11-06T13:03:23.719256+00:00',NULL,'[[["person", "main"], ["penstock_new__person", "main"], ["penstock_old_ad0532e9__person", "main"]], [["pet", "main"], ["penstock_new__pet", "main"], ["penstock_old_ad0532e9__pet", "main"]]]','[]','{"verdicts": [{"table": "person", "stage": "extracted", "decision": "go", "suite_sha256": null}, {"table": "pet", "stage": "extracted", "decision": "go", "suite_sha256": null}, {"table": "person", "stage": "loaded", "decision": "go", "suite_sha256": null}, {"table": "pet", "stage": "loaded", "decision": "go", "suite_sha256": null}, {"table": "person", "stage": "transformed", "decision": "go", "suite_sha256": null}], "proof": [{"table": "person", "source": "3:33b4ab62b61ae70f04e00f3756363bd6", "staged": "2:097e4ae8dbce84619a95de3e9b04bb77", "target": "2:097e4ae8dbce84619a95de3e9b04bb77", "chunks": 1, "rows_read": 3, "filtered": 0, "rejected": 1, "rows": 2, "balanced": true, "seal": null, "seconds": 0.001, "load_seconds": 0.013, "broken": "", "faults": [], "quarantined": "0:00000000000000000000000000000000", "standing": "0:00000000000000000000000000000000", "depth": "staged", "holds": true}, {"table": "pet", "source": "3:9f1ede050397e1f8f03d5acdb766b81b", "staged": "3:9f1ede050397e1f8f03d5acdb766b81b", "target": "3:9f1ede050397e1f8f03d5acdb766b81b", "chunks": 1, "rows_read": 3, "filtered": 0, "rejected": 0, "rows": 3, "balanced": true, "seal": null, "seconds": 0.001, "load_seconds": 0.008, "broken": "", "faults": [], "quarantined": "0:00000000000000000000000000000000", "standing": "0:00000000000000000000000000000000", "depth": "staged", "holds": true}], "approval": null, "rejected": [{"table": "person", "rows": 1, "files": {"quarantine/person/transformed-00000.parquet": "769d936f6e7c81d85cab5407fb8b4cac43982b6cf60b74d42be79032466ff883"}}], "plan": "9019aa9e0f45a432e3a13829923294de8426393c85be8f017a30b40e8ca70583", "overlapped": [{"migration": "town", "table": "person", "low": "", "high": "", "run": "r1", "token": "4198fedb", "state": "proven", "rows": 2, "digest": "2:6397b0de021a7a6eb59e2f06a7409fb9", "rows_read": 3, "source": "3:f198a7c81bae7b6707627fc9340b1eb8", "read_at": "2026-11-30T13:02:46.919603+00:00", "at": "2026-11-30T13:03:10.949798+00:00", "why": "", "watermark": "", "whole_at": "2026-11-30T13:02:46.919603+00:00"}, {"migration": "town", "table": "pet", "low": "", "high": "", "run": "r1", "token": "4198fedb", "state": "proven", "rows": 3, "digest": "3:5604282b9847e25433e9613c62c3dec1", "rows_read": 3, "source": "3:5604282b9847e25433e9613c62c3dec1", "read_at": "2026-11-30T13:02:46.933046+00:00", "at": "2026-11-30T13:03:10.949915+00:00", "why": "", "watermark": "", "whole_at": "2026-11-30T13:02:46.933046+00:00"}], "left": {}, "links": [], "exchanged": {}}');
INSERT INTO "penstock_switches" VALUES('4d856894','days','r3','switched','2026-11-30T13:03:26.983686+00:00','2126-11-06T13:03:26.964496+00:00',NULL,'[]','[[["note", "main"], ["penstock_new_4d856894__note", "main"], ["penstock_old_4d856894__note", "main"]], [["orders", "main"], ["penstock_new_4d856894__orders", "main"], ["penstock_old_4d856894__orders", "main"]], [["payment", "main"], ["penstock_new_4d856894__payment", "main"], ["penstock_old_4d856894__payment", "main"]]]','{"verdicts": [{"table": "note", "stage": "extracted", "decision": "go", "suite_sha256": null}, {"table": "orders", "stage": "extracted", "decision": "go", "suite_sha256": null}, {"table": "payment", "stage": "extracted", "decision": "go", "suite_sha256": null}, {"table": "note", "stage": "loaded", "decision": "go", "suite_sha256": null}, {"table": "orders", "stage": "loaded", "decision": "go", "suite_sha256": null}, {"table": "payment", "stage": "loaded", "decision": "go", "suite_sha256": null}], "proof": [{"table": "note", "source": "1:2d5ebe11c97e1366db204dca03f77d93", "staged": "1:2d5ebe11c97e1366db204dca03f77d93", "target": "1:2d5ebe11c97e1366db204dca03f77d93", "chunks": 1, "rows_read": 1, "filtered": 0, "rejected": 0, "rows": 1, "balanced": true, "seal": null, "seconds": 0.011, "load_seconds": 0.017, "broken": "", "faults": [], "quarantined": "0:00000000000000000000000000000000", "standing": "0:00000000000000000000000000000000", "depth": "staged", "holds": true}, {"table": "orders", "source": "3:c04df7d525469c7f5387fdd0e1065752", "staged": "3:c04df7d525469c7f5387fdd0e1065752", "target": "3:c04df7d525469c7f5387fdd0e1065752", "chunks": 1, "rows_read": 3, "filtered": 0, "rejected": 0, "rows": 3, "balanced": true, "seal": null, "seconds": 0.001, "load_seconds": 0.024, "broken": "", "faults": [], "quarantined": "0:00000000000000000000000000000000", "standing": "0:00000000000000000000000000000000", "depth": "staged", "holds": true}, {"table": "payment", "source": "2:228dae55556035dab8324194ba252d35", "staged": "2:228dae55556035dab8324194ba252d35", "target": "2:228dae55556035dab8324194ba252d35", "chunks": 1, "rows_read": 2, "filtered": 0, "rejected": 0, "rows": 2, "balanced": true, "seal": null, "seconds": 0.009, "load_seconds": 0.002, "broken": "", "faults": [], "quarantined": "0:00000000000000000000000000000000", "standing": "0:00000000000000000000000000000000", "depth": "staged", "holds": true}], "approval": null, "rejected": [], "plan": "a3f3c0ba0261dedf06351284aa6953aba42ebd1ce4ff28e430802de112496bb7", "overlapped": [{"migration": "days", "table": "note", "low": "", "high": "", "run": "r2", "token": "ad7ff5e4", "state": "proven", "rows": 2, "digest": "2:0356a703c7e4acff3b3fe553b5616406", "rows_read": 1, "source": "1:cdf83815fbef08f096b6f0fcc71077e5", "read_at": "2026-11-30T13:03:17.262554+00:00", "at": "2026-11-30T13:03:19.147266+00:00", "why": "", "watermark": "2026-03-02 12:00:00", "whole_at": "2026-11-30T13:03:14.010701+00:00"}, {"migration": "days", "table": "orders", "low": "2026-03-01T00:00:00Z", "high": "2026-03-02T00:00:00Z", "run": "r1", "token": "b0dc9761", "state": "proven", "rows": 2, "digest": "2:8284c30d17e7feab9668e58114ac2d95", "rows_read": 2, "source": "2:8284c30d17e7feab9668e58114ac2d95", "read_at": "2026-11-30T13:03:14.011579+00:00", "at": "2026-11-30T13:03:16.067011+00:00", "why": "", "watermark": "", "whole_at": "2026-11-30T13:03:14.011579+00:00"}, {"migration": "days", "table": "payment", "low": "2026-03-01T00:00:00Z", "high": "2026-03-02T00:00:00Z", "run": "r1", "token": "b0dc9761", "state": "proven", "rows": 1, "digest": "1:81669503fca3dbb828670107d839417d", "rows_read": 1, "source": "1:81669503fca3dbb828670107d839417d", "read_at": "2026-11-30T13:03:14.025125+00:00", "at": "2026-11-30T13:03:16.067082+00:00", "why": "", "watermark": "", "whole_at": "2026-11-30T13:03:14.025125+00:00"}], "left": {}, "links": [], "exchanged": {}}');
CREATE TABLE penstock_turns (
	migration VARCHAR(40) NOT NULL, 
	turn BIGINT NOT NULL, 
	PRIMARY KEY (migration)
);
INSERT INTO "penstock_turns" VALUES('town',4);
INSERT INTO "penstock_turns" VALUES('days',6);
CREATE TABLE "person" (
	"id" INTEGER NOT NULL, 
	"name" VARCHAR(40) NOT NULL, 
	"age" MEDIUMINT, 
	PRIMARY KEY ("id")
);
INSERT INTO "person" VALUES(1,'Zoë',31);
INSERT INTO "person" VALUES(2,'Bob',22);
CREATE TABLE "pet" (
	"id" INTEGER NOT NULL, 
	"person" INTEGER NOT NULL, 
	"name" VARCHAR(40), 
	PRIMARY KEY ("id"), 
	FOREIGN KEY("person") REFERENCES "person" ("id")
);
INSERT INTO "pet" VALUES(1,1,'Rex');
INSERT INTO "pet" VALUES(2,2,'Mia');
INSERT INTO "pet" VALUES(4,1,'Tom');
