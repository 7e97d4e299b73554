BEGIN TRANSACTION;
CREATE TABLE "event" (
	"id" INTEGER NOT NULL, 
	"note" TEXT, 
	"moment" TIMESTAMP NOT NULL, 
	PRIMARY KEY ("id")
);
INSERT INTO "event" VALUES(1,'one','2024-03-01 01:00:00.000000');
INSERT INTO "event" VALUES(2,'two','2024-03-01 02:00:00.000000');
INSERT INTO "event" VALUES(3,'changed','2024-03-02 03:00:00.000000');
CREATE TABLE "kind" (
	"name" VARCHAR(10) NOT NULL, 
	"words" TEXT, 
	PRIMARY KEY ("name")
);
INSERT INTO "kind" VALUES('a','the first');
INSERT INTO "kind" VALUES('b','the second');
INSERT INTO "kind" VALUES('c','the third');
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
INSERT INTO "penstock_coverage" VALUES('feed','event','2024-03-02T00:00:00Z','2024-03-03T00:00:00Z','third','93ed39b2','proven',1,'1:113a5cea959cd8eee57ac7cac8957de7',1,'1:113a5cea959cd8eee57ac7cac8957de7','2026-11-30T12:13:03.073125+00:00','2026-11-30T12:13:04.766952+00:00','','','2026-11-30T12:13:03.073125+00:00');
INSERT INTO "penstock_coverage" VALUES('feed','event','2024-03-01T00:00:00Z','2024-03-02T00:00:00Z','fourth','d4a8827b','proven',2,'2:432cb3070276f6d32f545de43a159604',2,'2:432cb3070276f6d32f545de43a159604','2026-11-30T12:13:05.614892+00:00','2026-11-30T12:13:07.865737+00:00','','','2026-11-30T12:13:05.614892+00:00');
INSERT INTO "penstock_coverage" VALUES('feed','kind','','','fourth','d4a8827b','proven',3,'3:b0385d5059c9530ff77b523663bf1d0c',3,'3:b0385d5059c9530ff77b523663bf1d0c','2026-11-30T12:13:05.602921+00:00','2026-11-30T12:13:07.865826+00:00','','','2026-11-30T12:13:05.602921+00:00');
CREATE TABLE penstock_keys (
	migration VARCHAR(40) NOT NULL, 
	run VARCHAR(250) NOT NULL, 
	random VARCHAR(64) NOT NULL, 
	area VARCHAR(64) NOT NULL, 
	at VARCHAR(40) NOT NULL, 
	PRIMARY KEY (migration, run)
);
CREATE TABLE "penstock_new_d4a8827b__event" (
	"id" INTEGER NOT NULL, 
	"note" TEXT, 
	"moment" TIMESTAMP NOT NULL, 
	PRIMARY KEY ("id")
);
INSERT INTO "penstock_new_d4a8827b__event" VALUES(1,'one','2024-03-01 01:00:00.000000');
INSERT INTO "penstock_new_d4a8827b__event" VALUES(2,'two','2024-03-01 02:00:00.000000');
CREATE TABLE "penstock_old_93ed39b2__event" (
	"id" INTEGER NOT NULL, 
	"note" TEXT, 
	"moment" TIMESTAMP NOT NULL
);
INSERT INTO "penstock_old_93ed39b2__event" VALUES(3,'three','2024-03-02 03:00:00.000000');
INSERT INTO "penstock_old_93ed39b2__event" VALUES(4,'four','2024-03-02 04:00:00.000000');
CREATE TABLE "penstock_old_93ed39b2__kind" (
	"name" VARCHAR(10) NOT NULL, 
	"words" TEXT, 
	PRIMARY KEY ("name")
);
INSERT INTO "penstock_old_93ed39b2__kind" VALUES('a','the first');
INSERT INTO "penstock_old_93ed39b2__kind" VALUES('b','the second');
CREATE TABLE "penstock_old_a3ae2d21__event" (
	"id" INTEGER NOT NULL, 
	"note" TEXT, 
	"moment" TIMESTAMP NOT NULL
);
CREATE TABLE "penstock_old_a3ae2d21__kind" (
	"name" VARCHAR(10) NOT NULL, 
	"words" TEXT, 
	PRIMARY KEY ("name")
);
INSERT INTO "penstock_old_a3ae2d21__kind" VALUES('a','the first');
INSERT INTO "penstock_old_a3ae2d21__kind" VALUES('b','the second');
CREATE TABLE "penstock_old_d4a8827b__event" (
	"id" INTEGER NOT NULL, 
	"note" TEXT, 
	"moment" TIMESTAMP NOT NULL
);
INSERT INTO "penstock_old_d4a8827b__event" VALUES(1,'wrong','2024-03-01 01:00:00.000000');
INSERT INTO "penstock_old_d4a8827b__event" VALUES(9,'nine','2024-03-01 09:00:00.000000');
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
INSERT INTO "penstock_receipts" VALUES('first','event','loaded',0,'feed',2,'2:432cb3070276f6d32f545de43a159604','2026-11-30T12:12:56.730755+00:00','{"table": "event", "stage": "loaded", "chunk": 0, "rows_in": 2, "rows": 2, "digest": "2:432cb3070276f6d32f545de43a159604", "digest_in": "2:432cb3070276f6d32f545de43a159604", "rejected": 0, "filtered": 0, "bytes": 1227, "seconds": 0.024, "file": "", "sha256": "", "rejected_digest": "", "longest": 0}');
INSERT INTO "penstock_receipts" VALUES('first','kind','loaded',0,'feed',2,'2:1cac436aa842b5b33e89f6edf258c411','2026-11-30T12:12:56.785260+00:00','{"table": "kind", "stage": "loaded", "chunk": 0, "rows_in": 2, "rows": 2, "digest": "2:1cac436aa842b5b33e89f6edf258c411", "digest_in": "2:1cac436aa842b5b33e89f6edf258c411", "rejected": 0, "filtered": 0, "bytes": 817, "seconds": 0.008, "file": "", "sha256": "", "rejected_digest": "", "longest": 0}');
INSERT INTO "penstock_receipts" VALUES('first','event','proved',0,'feed',2,'2:432cb3070276f6d32f545de43a159604','2026-11-30T12:12:57.214011+00:00','{"table": "event", "stage": "proved", "chunk": 0, "rows_in": 2, "rows": 2, "digest": "2:432cb3070276f6d32f545de43a159604", "digest_in": "2:432cb3070276f6d32f545de43a159604", "rejected": 0, "filtered": 0, "bytes": 0, "seconds": 0.015, "file": "", "sha256": "", "rejected_digest": "", "longest": 0}');
INSERT INTO "penstock_receipts" VALUES('first','kind','proved',0,'feed',2,'2:1cac436aa842b5b33e89f6edf258c411','2026-11-30T12:12:57.214150+00:00','{"table": "kind", "stage": "proved", "chunk": 0, "rows_in": 2, "rows": 2, "digest": "2:1cac436aa842b5b33e89f6edf258c411", "digest_in": "2:1cac436aa842b5b33e89f6edf258c411", "rejected": 0, "filtered": 0, "bytes": 0, "seconds": 0.001, "file": "", "sha256": "", "rejected_digest": "", "longest": 0}');
INSERT INTO "penstock_receipts" VALUES('second','event','loaded',0,'feed',2,'2:e5ed66e11c571e879257782e0e4f3309','2026-11-30T12:13:01.266780+00:00','{"table": "event", "stage": "loaded", "chunk": 0, "rows_in": 2, "rows": 2, "digest": "2:e5ed66e11c571e879257782e0e4f3309", "digest_in": "2:e5ed66e11c571e879257782e0e4f3309", "rejected": 0, "filtered": 0, "bytes": 1230, "seconds": 0.012, "file": "", "sha256": "", "rejected_digest": "", "longest": 0}');
INSERT INTO "penstock_receipts" VALUES('second','kind','loaded',0,'feed',2,'2:1cac436aa842b5b33e89f6edf258c411','2026-11-30T12:13:01.324093+00:00','{"table": "kind", "stage": "loaded", "chunk": 0, "rows_in": 2, "rows": 2, "digest": "2:1cac436aa842b5b33e89f6edf258c411", "digest_in": "2:1cac436aa842b5b33e89f6edf258c411", "rejected": 0, "filtered": 0, "bytes": 817, "seconds": 0.012, "file": "", "sha256": "", "rejected_digest": "", "longest": 0}');
INSERT INTO "penstock_receipts" VALUES('second','event','proved',0,'feed',2,'2:e5ed66e11c571e879257782e0e4f3309','2026-11-30T12:13:01.767879+00:00','{"table": "event", "stage": "proved", "chunk": 0, "rows_in": 2, "rows": 2, "digest": "2:e5ed66e11c571e879257782e0e4f3309", "digest_in": "2:e5ed66e11c571e879257782e0e4f3309", "rejected": 0, "filtered": 0, "bytes": 0, "seconds": 0.013, "file": "", "sha256": "", "rejected_digest": "", "longest": 0}');
INSERT INTO "penstock_receipts" VALUES('second','kind','proved',0,'feed',2,'2:1cac436aa842b5b33e89f6edf258c411','2026-11-30T12:13:01.767967+00:00','{"table": "kind", "stage": "proved", "chunk": 0, "rows_in": 2, "rows": 2, "digest": "2:1cac436aa842b5b33e89f6edf258c411", "digest_in": "2:1cac436aa842b5b33e89f6edf258c411", "rejected": 0, "filtered": 0, "bytes": 0, "seconds": 0.009, "file": "", "sha256": "", "rejected_digest": "", "longest": 0}');
INSERT INTO "penstock_receipts" VALUES('third','kind','loaded',0,'feed',3,'3:b0385d5059c9530ff77b523663bf1d0c','2026-11-30T12:13:04.299738+00:00','{"table": "kind", "stage": "loaded", "chunk": 0, "rows_in": 3, "rows": 3, "digest": "3:b0385d5059c9530ff77b523663bf1d0c", "digest_in": "3:b0385d5059c9530ff77b523663bf1d0c", "rejected": 0, "filtered": 0, "bytes": 832, "seconds": 0.013, "file": "", "sha256": "", "rejected_digest": "", "longest": 0}');
INSERT INTO "penstock_receipts" VALUES('third','event','loaded',0,'feed',1,'1:113a5cea959cd8eee57ac7cac8957de7','2026-11-30T12:13:04.342898+00:00','{"table": "event", "stage": "loaded", "chunk": 0, "rows_in": 1, "rows": 1, "digest": "1:113a5cea959cd8eee57ac7cac8957de7", "digest_in": "1:113a5cea959cd8eee57ac7cac8957de7", "rejected": 0, "filtered": 0, "bytes": 1208, "seconds": 0.009, "file": "", "sha256": "", "rejected_digest": "", "longest": 0}');
INSERT INTO "penstock_receipts" VALUES('third','event','proved',0,'feed',1,'1:113a5cea959cd8eee57ac7cac8957de7','2026-11-30T12:13:04.635308+00:00','{"table": "event", "stage": "proved", "chunk": 0, "rows_in": 1, "rows": 1, "digest": "1:113a5cea959cd8eee57ac7cac8957de7", "digest_in": "1:113a5cea959cd8eee57ac7cac8957de7", "rejected": 0, "filtered": 0, "bytes": 0, "seconds": 0.013, "file": "", "sha256": "", "rejected_digest": "", "longest": 0}');
INSERT INTO "penstock_receipts" VALUES('third','kind','proved',0,'feed',3,'3:b0385d5059c9530ff77b523663bf1d0c','2026-11-30T12:13:04.635446+00:00','{"table": "kind", "stage": "proved", "chunk": 0, "rows_in": 3, "rows": 3, "digest": "3:b0385d5059c9530ff77b523663bf1d0c", "digest_in": "3:b0385d5059c9530ff77b523663bf1d0c", "rejected": 0, "filtered": 0, "bytes": 0, "seconds": 0.001, "file": "", "sha256": "", "rejected_digest": "", "longest": 0}');
INSERT INTO "penstock_receipts" VALUES('fourth','kind','loaded',0,'feed',0,'0:00000000000000000000000000000000','2026-11-30T12:13:07.265031+00:00','{"table": "kind", "stage": "loaded", "chunk": 0, "rows_in": 0, "rows": 0, "digest": "0:00000000000000000000000000000000", "digest_in": "0:00000000000000000000000000000000", "rejected": 0, "filtered": 0, "bytes": 527, "seconds": 0.005, "file": "", "sha256": "", "rejected_digest": "", "longest": 0}');
INSERT INTO "penstock_receipts" VALUES('fourth','event','loaded',0,'feed',2,'2:432cb3070276f6d32f545de43a159604','2026-11-30T12:13:07.317282+00:00','{"table": "event", "stage": "loaded", "chunk": 0, "rows_in": 2, "rows": 2, "digest": "2:432cb3070276f6d32f545de43a159604", "digest_in": "2:432cb3070276f6d32f545de43a159604", "rejected": 0, "filtered": 0, "bytes": 1227, "seconds": 0.027, "file": "", "sha256": "", "rejected_digest": "", "longest": 0}');
INSERT INTO "penstock_receipts" VALUES('fourth','event','proved',0,'feed',2,'2:432cb3070276f6d32f545de43a159604','2026-11-30T12:13:07.682945+00:00','{"table": "event", "stage": "proved", "chunk": 0, "rows_in": 2, "rows": 2, "digest": "2:432cb3070276f6d32f545de43a159604", "digest_in": "2:432cb3070276f6d32f545de43a159604", "rejected": 0, "filtered": 0, "bytes": 0, "seconds": 0.013, "file": "", "sha256": "", "rejected_digest": "", "longest": 0}');
INSERT INTO "penstock_receipts" VALUES('fourth','kind','proved',0,'feed',3,'3:b0385d5059c9530ff77b523663bf1d0c','2026-11-30T12:13:07.683139+00:00','{"table": "kind", "stage": "proved", "chunk": 0, "rows_in": 3, "rows": 3, "digest": "3:b0385d5059c9530ff77b523663bf1d0c", "digest_in": "3:b0385d5059c9530ff77b523663bf1d0c", "rejected": 0, "filtered": 0, "bytes": 0, "seconds": 0.001, "file": "", "sha256": "", "rejected_digest": "", "longest": 0}');
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
INSERT INTO "penstock_switches" VALUES('023b5d11','feed','first','switched','2026-11-30T12:12:57.604716+00:00','2026-12-07T12:12:57.604597+00:00',NULL,'[[["event", "main"], ["penstock_new_023b5d11__event", "main"], null], [["kind", "main"], ["penstock_new_023b5d11__kind", "main"], null]]','[]','{"verdicts": [{"table": "event", "stage": "extracted", "decision": "go", "suite_sha256": null}, {"table": "kind", "stage": "extracted", "decision": "go", "suite_sha256": null}, {"table": "event", "stage": "loaded", "decision": "go", "suite_sha256": null}, {"table": "kind", "stage": "loaded", "decision": "go", "suite_sha256": null}], "proof": [{"table": "event", "source": "2:432cb3070276f6d32f545de43a159604", "staged": "2:432cb3070276f6d32f545de43a159604", "target": "2:432cb3070276f6d32f545de43a159604", "chunks": 1, "rows_read": 2, "filtered": 0, "rejected": 0, "rows": 2, "balanced": true, "seal": null, "seconds": 0.015, "load_seconds": 0.024, "broken": "", "faults": [], "quarantined": "0:00000000000000000000000000000000", "standing": "0:00000000000000000000000000000000", "depth": "staged", "holds": true}, {"table": "kind", "source": "2:1cac436aa842b5b33e89f6edf258c411", "staged": "2:1cac436aa842b5b33e89f6edf258c411", "target": "2:1cac436aa842b5b33e89f6edf258c411", "chunks": 1, "rows_read": 2, "filtered": 0, "rejected": 0, "rows": 2, "balanced": true, "seal": null, "seconds": 0.001, "load_seconds": 0.008, "broken": "", "faults": [], "quarantined": "0:00000000000000000000000000000000", "standing": "0:00000000000000000000000000000000", "depth": "staged", "holds": true}], "approval": null, "rejected": [], "plan": "abc1aea6cb3578b31125dc7b44f6212bf6f8fd07981c0f8fb5dc4cebf45be64a", "overlapped": [], "left": {}, "links": [], "exchanged": {}}');
INSERT INTO "penstock_switches" VALUES('a3ae2d21','feed','second','switched','2026-11-30T12:13:01.984884+00:00','2026-12-07T12:13:01.984752+00:00',NULL,'[[["kind", "main"], ["penstock_new_a3ae2d21__kind", "main"], ["penstock_old_a3ae2d21__kind", "main"]]]','[[["event", "main"], ["penstock_new_a3ae2d21__event", "main"], ["penstock_old_a3ae2d21__event", "main"]]]','{"verdicts": [{"table": "event", "stage": "extracted", "decision": "go", "suite_sha256": null}, {"table": "kind", "stage": "extracted", "decision": "go", "suite_sha256": null}, {"table": "event", "stage": "loaded", "decision": "go", "suite_sha256": null}, {"table": "kind", "stage": "loaded", "decision": "go", "suite_sha256": null}], "proof": [{"table": "event", "source": "2:e5ed66e11c571e879257782e0e4f3309", "staged": "2:e5ed66e11c571e879257782e0e4f3309", "target": "2:e5ed66e11c571e879257782e0e4f3309", "chunks": 1, "rows_read": 2, "filtered": 0, "rejected": 0, "rows": 2, "balanced": true, "seal": null, "seconds": 0.013, "load_seconds": 0.012, "broken": "", "faults": [], "quarantined": "0:00000000000000000000000000000000", "standing": "0:00000000000000000000000000000000", "depth": "staged", "holds": true}, {"table": "kind", "source": "2:1cac436aa842b5b33e89f6edf258c411", "staged": "2:1cac436aa842b5b33e89f6edf258c411", "target": "2:1cac436aa842b5b33e89f6edf258c411", "chunks": 1, "rows_read": 2, "filtered": 0, "rejected": 0, "rows": 2, "balanced": true, "seal": null, "seconds": 0.009, "load_seconds": 0.012, "broken": "", "faults": [], "quarantined": "0:00000000000000000000000000000000", "standing": "0:00000000000000000000000000000000", "depth": "staged", "holds": true}], "approval": null, "rejected": [], "plan": "abc1aea6cb3578b31125dc7b44f6212bf6f8fd07981c0f8fb5dc4cebf45be64a", "overlapped": [{"migration": "feed", "table": "kind", "low": "", "high": "", "run": "first", "token": "023b5d11", "state": "proven", "rows": 2, "digest": "2:1cac436aa842b5b33e89f6edf258c411", "rows_read": 2, "source": "2:1cac436aa842b5b33e89f6edf258c411", "read_at": "2026-11-30T12:12:38.747442+00:00", "at": "2026-11-30T12:12:57.435810+00:00", "why": "", "watermark": "", "whole_at": "2026-11-30T12:12:38.747442+00:00"}], "left": {}, "links": [], "exchanged": {}}');
INSERT INTO "penstock_switches" VALUES('93ed39b2','feed','third','switched','2026-11-30T12:13:04.803025+00:00','2026-12-07T12:13:04.802881+00:00',NULL,'[[["kind", "main"], ["penstock_new_93ed39b2__kind", "main"], ["penstock_old_93ed39b2__kind", "main"]]]','[[["event", "main"], ["penstock_new_93ed39b2__event", "main"], ["penstock_old_93ed39b2__event", "main"]]]','{"verdicts": [{"table": "event", "stage": "extracted", "decision": "go", "suite_sha256": null}, {"table": "kind", "stage": "extracted", "decision": "go", "suite_sha256": null}, {"table": "event", "stage": "loaded", "decision": "go", "suite_sha256": null}, {"table": "kind", "stage": "loaded", "decision": "go", "suite_sha256": null}], "proof": [{"table": "event", "source": "1:113a5cea959cd8eee57ac7cac8957de7", "staged": "1:113a5cea959cd8eee57ac7cac8957de7", "target": "1:113a5cea959cd8eee57ac7cac8957de7", "chunks": 1, "rows_read": 1, "filtered": 0, "rejected": 0, "rows": 1, "balanced": true, "seal": null, "seconds": 0.013, "load_seconds": 0.009, "broken": "", "faults": [], "quarantined": "0:00000000000000000000000000000000", "standing": "0:00000000000000000000000000000000", "depth": "staged", "holds": true}, {"table": "kind", "source": "3:b0385d5059c9530ff77b523663bf1d0c", "staged": "3:b0385d5059c9530ff77b523663bf1d0c", "target": "3:b0385d5059c9530ff77b523663bf1d0c", "chunks": 1, "rows_read": 3, "filtered": 0, "rejected": 0, "rows": 3, "balanced": true, "seal": null, "seconds": 0.001, "load_seconds": 0.013, "broken": "", "faults": [], "quarantined": "0:00000000000000000000000000000000", "standing": "0:00000000000000000000000000000000", "depth": "staged", "holds": true}], "approval": null, "rejected": [], "plan": "abc1aea6cb3578b31125dc7b44f6212bf6f8fd07981c0f8fb5dc4cebf45be64a", "overlapped": [{"migration": "feed", "table": "event", "low": "2024-03-02T00:00:00Z", "high": "2024-03-03T00:00:00Z", "run": "second", "token": "a3ae2d21", "state": "proven", "rows": 2, "digest": "2:e5ed66e11c571e879257782e0e4f3309", "rows_read": 2, "source": "2:e5ed66e11c571e879257782e0e4f3309", "read_at": "2026-11-30T12:13:00.246343+00:00", "at": "2026-11-30T12:13:01.947863+00:00", "why": "", "watermark": "", "whole_at": "2026-11-30T12:13:00.246343+00:00"}, {"migration": "feed", "table": "kind", "low": "", "high": "", "run": "second", "token": "a3ae2d21", "state": "proven", "rows": 2, "digest": "2:1cac436aa842b5b33e89f6edf258c411", "rows_read": 2, "source": "2:1cac436aa842b5b33e89f6edf258c411", "read_at": "2026-11-30T12:13:00.257620+00:00", "at": "2026-11-30T12:13:01.947953+00:00", "why": "", "watermark": "", "whole_at": "2026-11-30T12:13:00.257620+00:00"}], "left": {}, "links": [], "exchanged": {}}');
INSERT INTO "penstock_switches" VALUES('d4a8827b','feed','fourth','switched','2026-11-30T12:13:07.886078+00:00','2026-12-07T12:13:07.885930+00:00',NULL,'[]','[[["event", "main"], ["penstock_new_d4a8827b__event", "main"], ["penstock_old_d4a8827b__event", "main"]]]','{"verdicts": [{"table": "event", "stage": "extracted", "decision": "go", "suite_sha256": null}, {"table": "kind", "stage": "extracted", "decision": "go", "suite_sha256": null}, {"table": "event", "stage": "loaded", "decision": "go", "suite_sha256": null}, {"table": "kind", "stage": "loaded", "decision": "go", "suite_sha256": null}], "proof": [{"table": "event", "source": "2:432cb3070276f6d32f545de43a159604", "staged": "2:432cb3070276f6d32f545de43a159604", "target": "2:432cb3070276f6d32f545de43a159604", "chunks": 1, "rows_read": 2, "filtered": 0, "rejected": 0, "rows": 2, "balanced": true, "seal": null, "seconds": 0.013, "load_seconds": 0.027, "broken": "", "faults": [], "quarantined": "0:00000000000000000000000000000000", "standing": "0:00000000000000000000000000000000", "depth": "staged", "holds": true}, {"table": "kind", "source": "3:b0385d5059c9530ff77b523663bf1d0c", "staged": "3:b0385d5059c9530ff77b523663bf1d0c", "target": "3:b0385d5059c9530ff77b523663bf1d0c", "chunks": 1, "rows_read": 3, "filtered": 0, "rejected": 0, "rows": 3, "balanced": true, "seal": null, "seconds": 0.001, "load_seconds": 0.005, "broken": "", "faults": [], "quarantined": "0:00000000000000000000000000000000", "standing": "3:b0385d5059c9530ff77b523663bf1d0c", "depth": "staged", "holds": true}], "approval": null, "rejected": [], "plan": "abc1aea6cb3578b31125dc7b44f6212bf6f8fd07981c0f8fb5dc4cebf45be64a", "overlapped": [{"migration": "feed", "table": "event", "low": "2024-03-01T00:00:00Z", "high": "2024-03-02T00:00:00Z", "run": "first", "token": "023b5d11", "state": "proven", "rows": 2, "digest": "2:432cb3070276f6d32f545de43a159604", "rows_read": 2, "source": "2:432cb3070276f6d32f545de43a159604", "read_at": "2026-11-30T12:12:38.746925+00:00", "at": "2026-11-30T12:12:57.435650+00:00", "why": "", "watermark": "", "whole_at": "2026-11-30T12:12:38.746925+00:00"}, {"migration": "feed", "table": "kind", "low": "", "high": "", "run": "third", "token": "93ed39b2", "state": "proven", "rows": 3, "digest": "3:b0385d5059c9530ff77b523663bf1d0c", "rows_read": 3, "source": "3:b0385d5059c9530ff77b523663bf1d0c", "read_at": "2026-11-30T12:13:03.064027+00:00", "at": "2026-11-30T12:13:04.767058+00:00", "why": "", "watermark": "", "whole_at": "2026-11-30T12:13:03.064027+00:00"}], "left": {}, "links": [], "exchanged": {}}');
CREATE TABLE penstock_turns (
	migration VARCHAR(40) NOT NULL, 
	turn BIGINT NOT NULL, 
	PRIMARY KEY (migration)
);
INSERT INTO "penstock_turns" VALUES('feed',8);
COMMIT;
