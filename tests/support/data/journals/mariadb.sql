/*!40101 SET @saved_cs_client     = @@character_set_client */;
/*!40101 SET character_set_client = utf8mb4 */;
CREATE TABLE `note` (
  `id` bigint(20) NOT NULL AUTO_INCREMENT,
  `body` varchar(40) CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin DEFAULT NULL,
  `updated_at` datetime(6) NOT NULL,
  PRIMARY KEY (`id`)
) ENGINE=InnoDB AUTO_INCREMENT=3 DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_general_ci;
/*!40101 SET character_set_client = @saved_cs_client */;
INSERT INTO `note` VALUES (1,'first','2026-03-01 12:00:00.000000');
INSERT INTO `note` VALUES (2,'third','2026-03-02 13:00:00.000000');
/*!40101 SET @saved_cs_client     = @@character_set_client */;
/*!40101 SET character_set_client = utf8mb4 */;
CREATE TABLE `orders` (
  `id` bigint(20) NOT NULL AUTO_INCREMENT,
  `total` decimal(10,2) DEFAULT NULL,
  `created_at` datetime(6) NOT NULL,
  PRIMARY KEY (`id`)
) ENGINE=InnoDB AUTO_INCREMENT=5 DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_general_ci;
/*!40101 SET character_set_client = @saved_cs_client */;
INSERT INTO `orders` VALUES (1,10.00,'2026-03-01 10:00:00.000000');
INSERT INTO `orders` VALUES (2,7.00,'2026-03-01 23:50:00.000000');
INSERT INTO `orders` VALUES (3,1.25,'2026-03-02 08:00:00.000000');
INSERT INTO `orders` VALUES (4,3.00,'2026-03-01 15:00:00.000000');
/*!40101 SET @saved_cs_client     = @@character_set_client */;
/*!40101 SET character_set_client = utf8mb4 */;
CREATE TABLE `payment` (
  `id` bigint(20) NOT NULL AUTO_INCREMENT,
  `orders_id` bigint(20) NOT NULL,
  `paid_at` datetime(6) NOT NULL,
  PRIMARY KEY (`id`),
  KEY `fk_payment_orders_id` (`orders_id`),
  CONSTRAINT `fk_payment_orders_id` FOREIGN KEY (`orders_id`) REFERENCES `orders` (`id`)
) ENGINE=InnoDB AUTO_INCREMENT=5 DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_general_ci;
/*!40101 SET character_set_client = @saved_cs_client */;
INSERT INTO `payment` VALUES (1,1,'2026-03-01 11:00:00.000000');
INSERT INTO `payment` VALUES (2,2,'2026-03-02 00:10:00.000000');
INSERT INTO `payment` VALUES (3,3,'2026-03-02 09:00:00.000000');
INSERT INTO `payment` VALUES (4,4,'2026-03-01 16:00:00.000000');
/*!40101 SET @saved_cs_client     = @@character_set_client */;
/*!40101 SET character_set_client = utf8mb4 */;
CREATE TABLE `penstock_approvals` (
  `migration` varchar(40) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  `backfill` varchar(80) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  `run` varchar(250) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  `asked_at` varchar(40) NOT NULL,
  `answer` varchar(16) NOT NULL,
  `by` varchar(250) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  `at` varchar(40) NOT NULL,
  `rejected` bigint(20) NOT NULL,
  `warned` longtext CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  PRIMARY KEY (`migration`,`backfill`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_general_ci;
/*!40101 SET character_set_client = @saved_cs_client */;
/*!40101 SET @saved_cs_client     = @@character_set_client */;
/*!40101 SET character_set_client = utf8mb4 */;
CREATE TABLE `penstock_coverage` (
  `migration` varchar(40) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  `table_name` varchar(250) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  `low` varchar(40) NOT NULL,
  `high` varchar(40) NOT NULL,
  `run` varchar(250) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  `token` varchar(16) NOT NULL,
  `state` varchar(16) NOT NULL,
  `row_count` bigint(20) NOT NULL,
  `digest` varchar(80) NOT NULL,
  `rows_read` bigint(20) NOT NULL,
  `source` varchar(80) NOT NULL,
  `read_at` varchar(40) NOT NULL,
  `at` varchar(40) NOT NULL,
  `why` longtext CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  `watermark` varchar(40) NOT NULL,
  `whole_at` varchar(40) NOT NULL,
  PRIMARY KEY (`migration`,`table_name`,`low`,`high`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_general_ci;
/*!40101 SET character_set_client = @saved_cs_client */;
INSERT INTO `penstock_coverage` VALUES ('days','note','','','r3','4d856894','proven',2,'2:62bd2cff9573b7757fa94220f24869b4',1,'1:2d5ebe11c97e1366db204dca03f77d93','2026-11-30T13:08:40.056785+00:00','2026-11-30T13:08:43.481889+00:00','','2026-03-02 13:00:00','2026-11-30T13:08:19.305028+00:00');
INSERT INTO `penstock_coverage` VALUES ('days','orders','2026-03-01T00:00:00Z','2026-03-02T00:00:00Z','r3','4d856894','proven',3,'3:c04df7d525469c7f5387fdd0e1065752',3,'3:c04df7d525469c7f5387fdd0e1065752','2026-11-30T13:08:40.045459+00:00','2026-11-30T13:08:43.484974+00:00','','','2026-11-30T13:08:40.045459+00:00');
INSERT INTO `penstock_coverage` VALUES ('days','orders','2026-03-02T00:00:00Z','2026-03-03T00:00:00Z','r2','ad7ff5e4','proven',1,'1:0d352868b2289614279b866aa4022ad9',1,'1:0d352868b2289614279b866aa4022ad9','2026-11-30T13:08:25.449153+00:00','2026-11-30T13:08:29.739609+00:00','','','2026-11-30T13:08:25.449153+00:00');
INSERT INTO `penstock_coverage` VALUES ('days','payment','2026-03-01T00:00:00Z','2026-03-02T00:00:00Z','r3','4d856894','proven',2,'2:228dae55556035dab8324194ba252d35',2,'2:228dae55556035dab8324194ba252d35','2026-11-30T13:08:40.046451+00:00','2026-11-30T13:08:43.485146+00:00','','','2026-11-30T13:08:40.046451+00:00');
INSERT INTO `penstock_coverage` VALUES ('days','payment','2026-03-02T00:00:00Z','2026-03-03T00:00:00Z','r2','ad7ff5e4','proven',2,'2:02a571a776ed4384cacd4c7d8623a3bf',2,'2:02a571a776ed4384cacd4c7d8623a3bf','2026-11-30T13:08:25.433325+00:00','2026-11-30T13:08:29.739669+00:00','','','2026-11-30T13:08:25.433325+00:00');
INSERT INTO `penstock_coverage` VALUES ('town','person','','','r2','ad0532e9','proven',2,'2:097e4ae8dbce84619a95de3e9b04bb77',3,'3:33b4ab62b61ae70f04e00f3756363bd6','2026-11-30T13:08:32.575251+00:00','2026-11-30T13:08:37.501334+00:00','','','2026-11-30T13:08:32.575251+00:00');
INSERT INTO `penstock_coverage` VALUES ('town','pet','','','r2','ad0532e9','proven',3,'3:9f1ede050397e1f8f03d5acdb766b81b',3,'3:9f1ede050397e1f8f03d5acdb766b81b','2026-11-30T13:08:32.575867+00:00','2026-11-30T13:08:37.501426+00:00','','','2026-11-30T13:08:32.575867+00:00');
/*!40101 SET @saved_cs_client     = @@character_set_client */;
/*!40101 SET character_set_client = utf8mb4 */;
CREATE TABLE `penstock_keys` (
  `migration` varchar(40) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  `run` varchar(250) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  `random` varchar(64) NOT NULL,
  `area` varchar(64) NOT NULL,
  `at` varchar(40) NOT NULL,
  PRIMARY KEY (`migration`,`run`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_general_ci;
/*!40101 SET character_set_client = @saved_cs_client */;
/*!40101 SET @saved_cs_client     = @@character_set_client */;
/*!40101 SET character_set_client = utf8mb4 */;
CREATE TABLE `penstock_new_4d856894__note` (
  `id` bigint(20) NOT NULL AUTO_INCREMENT,
  `body` varchar(40) CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin DEFAULT NULL,
  `updated_at` datetime(6) NOT NULL,
  PRIMARY KEY (`id`)
) ENGINE=InnoDB AUTO_INCREMENT=3 DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_general_ci;
/*!40101 SET character_set_client = @saved_cs_client */;
INSERT INTO `penstock_new_4d856894__note` VALUES (2,'third','2026-03-02 13:00:00.000000');
/*!40101 SET @saved_cs_client     = @@character_set_client */;
/*!40101 SET character_set_client = utf8mb4 */;
CREATE TABLE `penstock_new_ad7ff5e4__note` (
  `id` bigint(20) NOT NULL AUTO_INCREMENT,
  `body` varchar(40) CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin DEFAULT NULL,
  `updated_at` datetime(6) NOT NULL,
  PRIMARY KEY (`id`)
) ENGINE=InnoDB AUTO_INCREMENT=3 DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_general_ci;
/*!40101 SET character_set_client = @saved_cs_client */;
INSERT INTO `penstock_new_ad7ff5e4__note` VALUES (2,'second','2026-03-02 12:00:00.000000');
/*!40101 SET @saved_cs_client     = @@character_set_client */;
/*!40101 SET character_set_client = utf8mb4 */;
CREATE TABLE `penstock_old_4d856894__note` (
  `id` bigint(20) NOT NULL,
  `body` varchar(40) CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin DEFAULT NULL,
  `updated_at` datetime(6) NOT NULL
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_general_ci;
/*!40101 SET character_set_client = @saved_cs_client */;
INSERT INTO `penstock_old_4d856894__note` VALUES (2,'second','2026-03-02 12:00:00.000000');
/*!40101 SET @saved_cs_client     = @@character_set_client */;
/*!40101 SET character_set_client = utf8mb4 */;
CREATE TABLE `penstock_old_4d856894__orders` (
  `id` bigint(20) NOT NULL,
  `total` decimal(10,2) DEFAULT NULL,
  `created_at` datetime(6) NOT NULL
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_general_ci;
/*!40101 SET character_set_client = @saved_cs_client */;
INSERT INTO `penstock_old_4d856894__orders` VALUES (1,9.50,'2026-03-01 10:00:00.000000');
INSERT INTO `penstock_old_4d856894__orders` VALUES (2,7.00,'2026-03-01 23:50:00.000000');
/*!40101 SET @saved_cs_client     = @@character_set_client */;
/*!40101 SET character_set_client = utf8mb4 */;
CREATE TABLE `penstock_old_4d856894__payment` (
  `id` bigint(20) NOT NULL,
  `orders_id` bigint(20) NOT NULL,
  `paid_at` datetime(6) NOT NULL
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_general_ci;
/*!40101 SET character_set_client = @saved_cs_client */;
INSERT INTO `penstock_old_4d856894__payment` VALUES (1,1,'2026-03-01 11:00:00.000000');
/*!40101 SET @saved_cs_client     = @@character_set_client */;
/*!40101 SET character_set_client = utf8mb4 */;
CREATE TABLE `penstock_old_ad0532e9__person` (
  `id` bigint(20) NOT NULL AUTO_INCREMENT,
  `name` varchar(40) CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin NOT NULL,
  `age` int(11) DEFAULT NULL,
  PRIMARY KEY (`id`)
) ENGINE=InnoDB AUTO_INCREMENT=3 DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_general_ci;
/*!40101 SET character_set_client = @saved_cs_client */;
INSERT INTO `penstock_old_ad0532e9__person` VALUES (1,'Zoë',31);
INSERT INTO `penstock_old_ad0532e9__person` VALUES (2,'Bo',22);
/*!40101 SET @saved_cs_client     = @@character_set_client */;
/*!40101 SET character_set_client = utf8mb4 */;
CREATE TABLE `penstock_old_ad0532e9__pet` (
  `id` bigint(20) NOT NULL AUTO_INCREMENT,
  `person` bigint(20) NOT NULL,
  `name` varchar(40) CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin DEFAULT NULL,
  PRIMARY KEY (`id`),
  KEY `fk_pet_person` (`person`),
  CONSTRAINT `fk_pet_person` FOREIGN KEY (`person`) REFERENCES `penstock_old_ad0532e9__person` (`id`)
) ENGINE=InnoDB AUTO_INCREMENT=4 DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_general_ci;
/*!40101 SET character_set_client = @saved_cs_client */;
INSERT INTO `penstock_old_ad0532e9__pet` VALUES (1,1,'Rex');
INSERT INTO `penstock_old_ad0532e9__pet` VALUES (2,2,'Mia');
INSERT INTO `penstock_old_ad0532e9__pet` VALUES (3,2,NULL);
/*!40101 SET @saved_cs_client     = @@character_set_client */;
/*!40101 SET character_set_client = utf8mb4 */;
CREATE TABLE `penstock_old_ad7ff5e4__note` (
  `id` bigint(20) NOT NULL,
  `body` varchar(40) CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin DEFAULT NULL,
  `updated_at` datetime(6) NOT NULL
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_general_ci;
/*!40101 SET character_set_client = @saved_cs_client */;
INSERT INTO `penstock_old_ad7ff5e4__note` VALUES (2,'second','2026-03-02 12:00:00.000000');
/*!40101 SET @saved_cs_client     = @@character_set_client */;
/*!40101 SET character_set_client = utf8mb4 */;
CREATE TABLE `penstock_old_ad7ff5e4__orders` (
  `id` bigint(20) NOT NULL,
  `total` decimal(10,2) DEFAULT NULL,
  `created_at` datetime(6) NOT NULL
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_general_ci;
/*!40101 SET character_set_client = @saved_cs_client */;
/*!40101 SET @saved_cs_client     = @@character_set_client */;
/*!40101 SET character_set_client = utf8mb4 */;
CREATE TABLE `penstock_old_ad7ff5e4__payment` (
  `id` bigint(20) NOT NULL,
  `orders_id` bigint(20) NOT NULL,
  `paid_at` datetime(6) NOT NULL
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_general_ci;
/*!40101 SET character_set_client = @saved_cs_client */;
/*!40101 SET @saved_cs_client     = @@character_set_client */;
/*!40101 SET character_set_client = utf8mb4 */;
CREATE TABLE `penstock_old_pending__payment` (
  `id` bigint(20) NOT NULL,
  `orders_id` bigint(20) NOT NULL,
  `paid_at` datetime(6) NOT NULL,
  `penstock_ready` smallint(6) NOT NULL
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_general_ci;
/*!40101 SET character_set_client = @saved_cs_client */;
/*!40101 SET @saved_cs_client     = @@character_set_client */;
/*!40101 SET character_set_client = utf8mb4 */;
CREATE TABLE `penstock_pending` (
  `migration` varchar(40) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  `table_name` varchar(250) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  `low` varchar(40) NOT NULL,
  `high` varchar(40) NOT NULL,
  `row_count` bigint(20) NOT NULL,
  PRIMARY KEY (`migration`,`table_name`,`low`,`high`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_general_ci;
/*!40101 SET character_set_client = @saved_cs_client */;
/*!40101 SET @saved_cs_client     = @@character_set_client */;
/*!40101 SET character_set_client = utf8mb4 */;
CREATE TABLE `penstock_receipts` (
  `run` varchar(250) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  `table_name` varchar(250) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  `stage` varchar(16) NOT NULL,
  `chunk` int(11) NOT NULL,
  `migration` varchar(40) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  `row_count` bigint(20) NOT NULL,
  `digest` varchar(80) NOT NULL,
  `at` varchar(40) NOT NULL,
  `receipt` longtext CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  PRIMARY KEY (`run`,`table_name`,`stage`,`chunk`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_general_ci;
/*!40101 SET character_set_client = @saved_cs_client */;
INSERT INTO `penstock_receipts` VALUES ('r1','note','loaded',0,'days',2,'2:0356a703c7e4acff3b3fe553b5616406','2026-11-30T13:08:21.162608+00:00','{\"table\": \"note\", \"stage\": \"loaded\", \"chunk\": 0, \"rows_in\": 2, \"rows\": 2, \"digest\": \"2:0356a703c7e4acff3b3fe553b5616406\", \"digest_in\": \"2:0356a703c7e4acff3b3fe553b5616406\", \"rejected\": 0, \"filtered\": 0, \"bytes\": 1252, \"seconds\": 0.013, \"file\": \"\", \"sha256\": \"\", \"rejected_digest\": \"\", \"longest\": 0}');
INSERT INTO `penstock_receipts` VALUES ('r1','note','proved',0,'days',2,'2:0356a703c7e4acff3b3fe553b5616406','2026-11-30T13:08:21.873681+00:00','{\"table\": \"note\", \"stage\": \"proved\", \"chunk\": 0, \"rows_in\": 2, \"rows\": 2, \"digest\": \"2:0356a703c7e4acff3b3fe553b5616406\", \"digest_in\": \"2:0356a703c7e4acff3b3fe553b5616406\", \"rejected\": 0, \"filtered\": 0, \"bytes\": 0, \"seconds\": 0.002, \"file\": \"\", \"sha256\": \"\", \"rejected_digest\": \"\", \"longest\": 0}');
INSERT INTO `penstock_receipts` VALUES ('r1','orders','loaded',0,'days',2,'2:8284c30d17e7feab9668e58114ac2d95','2026-11-30T13:08:21.157797+00:00','{\"table\": \"orders\", \"stage\": \"loaded\", \"chunk\": 0, \"rows_in\": 2, \"rows\": 2, \"digest\": \"2:8284c30d17e7feab9668e58114ac2d95\", \"digest_in\": \"2:8284c30d17e7feab9668e58114ac2d95\", \"rejected\": 0, \"filtered\": 0, \"bytes\": 1331, \"seconds\": 0.005, \"file\": \"\", \"sha256\": \"\", \"rejected_digest\": \"\", \"longest\": 0}');
INSERT INTO `penstock_receipts` VALUES ('r1','orders','proved',0,'days',2,'2:8284c30d17e7feab9668e58114ac2d95','2026-11-30T13:08:21.873773+00:00','{\"table\": \"orders\", \"stage\": \"proved\", \"chunk\": 0, \"rows_in\": 2, \"rows\": 2, \"digest\": \"2:8284c30d17e7feab9668e58114ac2d95\", \"digest_in\": \"2:8284c30d17e7feab9668e58114ac2d95\", \"rejected\": 0, \"filtered\": 0, \"bytes\": 0, \"seconds\": 0.01, \"file\": \"\", \"sha256\": \"\", \"rejected_digest\": \"\", \"longest\": 0}');
INSERT INTO `penstock_receipts` VALUES ('r1','payment','loaded',0,'days',1,'1:81669503fca3dbb828670107d839417d','2026-11-30T13:08:21.172813+00:00','{\"table\": \"payment\", \"stage\": \"loaded\", \"chunk\": 0, \"rows_in\": 1, \"rows\": 1, \"digest\": \"1:81669503fca3dbb828670107d839417d\", \"digest_in\": \"1:81669503fca3dbb828670107d839417d\", \"rejected\": 0, \"filtered\": 0, \"bytes\": 1283, \"seconds\": 0.004, \"file\": \"\", \"sha256\": \"\", \"rejected_digest\": \"\", \"longest\": 0}');
INSERT INTO `penstock_receipts` VALUES ('r1','payment','proved',0,'days',1,'1:81669503fca3dbb828670107d839417d','2026-11-30T13:08:21.873813+00:00','{\"table\": \"payment\", \"stage\": \"proved\", \"chunk\": 0, \"rows_in\": 1, \"rows\": 1, \"digest\": \"1:81669503fca3dbb828670107d839417d\", \"digest_in\": \"1:81669503fca3dbb828670107d839417d\", \"rejected\": 0, \"filtered\": 0, \"bytes\": 0, \"seconds\": 0.001, \"file\": \"\", \"sha256\": \"\", \"rejected_digest\": \"\", \"longest\": 0}');
INSERT INTO `penstock_receipts` VALUES ('r2','','built',0,'town',0,'','2026-11-30T13:08:35.885206+00:00','{\"table\": \"\", \"stage\": \"built\", \"chunk\": 0, \"rows_in\": 0, \"rows\": 0, \"digest\": \"\", \"digest_in\": \"\", \"rejected\": 0, \"filtered\": 0, \"bytes\": 0, \"seconds\": 0.0, \"file\": \"\", \"sha256\": \"\", \"rejected_digest\": \"\", \"longest\": 0}');
INSERT INTO `penstock_receipts` VALUES ('r2','person','loaded',0,'town',2,'2:097e4ae8dbce84619a95de3e9b04bb77','2026-11-30T13:08:35.539214+00:00','{\"table\": \"person\", \"stage\": \"loaded\", \"chunk\": 0, \"rows_in\": 2, \"rows\": 2, \"digest\": \"2:097e4ae8dbce84619a95de3e9b04bb77\", \"digest_in\": \"2:097e4ae8dbce84619a95de3e9b04bb77\", \"rejected\": 0, \"filtered\": 0, \"bytes\": 1158, \"seconds\": 0.013, \"file\": \"\", \"sha256\": \"\", \"rejected_digest\": \"\", \"longest\": 0}');
INSERT INTO `penstock_receipts` VALUES ('r2','person','proved',0,'town',2,'2:097e4ae8dbce84619a95de3e9b04bb77','2026-11-30T13:08:36.647263+00:00','{\"table\": \"person\", \"stage\": \"proved\", \"chunk\": 0, \"rows_in\": 2, \"rows\": 2, \"digest\": \"2:097e4ae8dbce84619a95de3e9b04bb77\", \"digest_in\": \"2:097e4ae8dbce84619a95de3e9b04bb77\", \"rejected\": 0, \"filtered\": 0, \"bytes\": 0, \"seconds\": 0.001, \"file\": \"\", \"sha256\": \"\", \"rejected_digest\": \"\", \"longest\": 0}');
INSERT INTO `penstock_receipts` VALUES ('r2','person','redriven',0,'town',0,'0:00000000000000000000000000000000','2026-11-30T13:08:45.346963+00:00','{\"table\": \"person\", \"stage\": \"redriven\", \"chunk\": 0, \"rows_in\": 1, \"rows\": 0, \"digest\": \"0:00000000000000000000000000000000\", \"digest_in\": \"\", \"rejected\": 1, \"filtered\": 0, \"bytes\": 0, \"seconds\": 0.0, \"file\": \"quarantine/person/redriven-00000.json\", \"sha256\": \"81ad6c4c41a6631cb31f5ecf155584f9489edfbfe98b4ee4b7bd391a26fe753a\", \"rejected_digest\": \"\", \"longest\": 0}');
INSERT INTO `penstock_receipts` VALUES ('r2','pet','loaded',0,'town',3,'3:9f1ede050397e1f8f03d5acdb766b81b','2026-11-30T13:08:35.550199+00:00','{\"table\": \"pet\", \"stage\": \"loaded\", \"chunk\": 0, \"rows_in\": 3, \"rows\": 3, \"digest\": \"3:9f1ede050397e1f8f03d5acdb766b81b\", \"digest_in\": \"3:9f1ede050397e1f8f03d5acdb766b81b\", \"rejected\": 0, \"filtered\": 0, \"bytes\": 1245, \"seconds\": 0.019, \"file\": \"\", \"sha256\": \"\", \"rejected_digest\": \"\", \"longest\": 0}');
INSERT INTO `penstock_receipts` VALUES ('r2','pet','proved',0,'town',3,'3:9f1ede050397e1f8f03d5acdb766b81b','2026-11-30T13:08:36.647384+00:00','{\"table\": \"pet\", \"stage\": \"proved\", \"chunk\": 0, \"rows_in\": 3, \"rows\": 3, \"digest\": \"3:9f1ede050397e1f8f03d5acdb766b81b\", \"digest_in\": \"3:9f1ede050397e1f8f03d5acdb766b81b\", \"rejected\": 0, \"filtered\": 0, \"bytes\": 0, \"seconds\": 0.012, \"file\": \"\", \"sha256\": \"\", \"rejected_digest\": \"\", \"longest\": 0}');
INSERT INTO `penstock_receipts` VALUES ('r3','note','loaded',0,'days',1,'1:2d5ebe11c97e1366db204dca03f77d93','2026-11-30T13:08:42.592797+00:00','{\"table\": \"note\", \"stage\": \"loaded\", \"chunk\": 0, \"rows_in\": 1, \"rows\": 1, \"digest\": \"1:2d5ebe11c97e1366db204dca03f77d93\", \"digest_in\": \"1:2d5ebe11c97e1366db204dca03f77d93\", \"rejected\": 0, \"filtered\": 0, \"bytes\": 1226, \"seconds\": 0.021, \"file\": \"\", \"sha256\": \"\", \"rejected_digest\": \"\", \"longest\": 0}');
INSERT INTO `penstock_receipts` VALUES ('r3','note','proved',0,'days',1,'1:2d5ebe11c97e1366db204dca03f77d93','2026-11-30T13:08:43.042246+00:00','{\"table\": \"note\", \"stage\": \"proved\", \"chunk\": 0, \"rows_in\": 1, \"rows\": 1, \"digest\": \"1:2d5ebe11c97e1366db204dca03f77d93\", \"digest_in\": \"1:2d5ebe11c97e1366db204dca03f77d93\", \"rejected\": 0, \"filtered\": 0, \"bytes\": 0, \"seconds\": 0.002, \"file\": \"\", \"sha256\": \"\", \"rejected_digest\": \"\", \"longest\": 0}');
INSERT INTO `penstock_receipts` VALUES ('r3','orders','loaded',0,'days',3,'3:c04df7d525469c7f5387fdd0e1065752','2026-11-30T13:08:42.549925+00:00','{\"table\": \"orders\", \"stage\": \"loaded\", \"chunk\": 0, \"rows_in\": 3, \"rows\": 3, \"digest\": \"3:c04df7d525469c7f5387fdd0e1065752\", \"digest_in\": \"3:c04df7d525469c7f5387fdd0e1065752\", \"rejected\": 0, \"filtered\": 0, \"bytes\": 1348, \"seconds\": 0.018, \"file\": \"\", \"sha256\": \"\", \"rejected_digest\": \"\", \"longest\": 0}');
INSERT INTO `penstock_receipts` VALUES ('r3','orders','proved',0,'days',3,'3:c04df7d525469c7f5387fdd0e1065752','2026-11-30T13:08:43.042350+00:00','{\"table\": \"orders\", \"stage\": \"proved\", \"chunk\": 0, \"rows_in\": 3, \"rows\": 3, \"digest\": \"3:c04df7d525469c7f5387fdd0e1065752\", \"digest_in\": \"3:c04df7d525469c7f5387fdd0e1065752\", \"rejected\": 0, \"filtered\": 0, \"bytes\": 0, \"seconds\": 0.002, \"file\": \"\", \"sha256\": \"\", \"rejected_digest\": \"\", \"longest\": 0}');
INSERT INTO `penstock_receipts` VALUES ('r3','payment','loaded',0,'days',2,'2:228dae55556035dab8324194ba252d35','2026-11-30T13:08:42.585119+00:00','{\"table\": \"payment\", \"stage\": \"loaded\", \"chunk\": 0, \"rows_in\": 2, \"rows\": 2, \"digest\": \"2:228dae55556035dab8324194ba252d35\", \"digest_in\": \"2:228dae55556035dab8324194ba252d35\", \"rejected\": 0, \"filtered\": 0, \"bytes\": 1307, \"seconds\": 0.051, \"file\": \"\", \"sha256\": \"\", \"rejected_digest\": \"\", \"longest\": 0}');
INSERT INTO `penstock_receipts` VALUES ('r3','payment','proved',0,'days',2,'2:228dae55556035dab8324194ba252d35','2026-11-30T13:08:43.042403+00:00','{\"table\": \"payment\", \"stage\": \"proved\", \"chunk\": 0, \"rows_in\": 2, \"rows\": 2, \"digest\": \"2:228dae55556035dab8324194ba252d35\", \"digest_in\": \"2:228dae55556035dab8324194ba252d35\", \"rejected\": 0, \"filtered\": 0, \"bytes\": 0, \"seconds\": 0.001, \"file\": \"\", \"sha256\": \"\", \"rejected_digest\": \"\", \"longest\": 0}');
/*!40101 SET @saved_cs_client     = @@character_set_client */;
/*!40101 SET character_set_client = utf8mb4 */;
CREATE TABLE `penstock_shadows` (
  `shadow` varchar(250) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  `migration` varchar(40) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  `run` varchar(280) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  PRIMARY KEY (`shadow`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_general_ci;
/*!40101 SET character_set_client = @saved_cs_client */;
/*!40101 SET @saved_cs_client     = @@character_set_client */;
/*!40101 SET character_set_client = utf8mb4 */;
CREATE TABLE `penstock_switches` (
  `token` varchar(16) NOT NULL,
  `migration` varchar(40) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  `run` varchar(250) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  `state` varchar(16) NOT NULL,
  `at` varchar(40) NOT NULL,
  `keep_until` varchar(40) NOT NULL,
  `position` longtext CHARACTER SET utf8mb4 COLLATE utf8mb4_bin DEFAULT NULL,
  `moves` longtext CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  `replaced` longtext CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  `evidence` longtext CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  PRIMARY KEY (`token`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_general_ci;
/*!40101 SET character_set_client = @saved_cs_client */;
INSERT INTO `penstock_switches` VALUES ('4198fedb','town','r1','switched','2026-11-30T13:08:16.573364+00:00','2126-11-06T13:08:16.573307+00:00',NULL,'[[[\"person\", \"fixture\"], [\"penstock_new__person\", \"fixture\"], null], [[\"pet\", \"fixture\"], [\"penstock_new__pet\", \"fixture\"], null]]','[]','{\"verdicts\": [{\"table\": \"person\", \"stage\": \"extracted\", \"decision\": \"go\", \"suite_sha256\": null}, {\"table\": \"pet\", \"stage\": \"extracted\", \"decision\": \"go\", \"suite_sha256\": null}, {\"table\": \"person\", \"stage\": \"loaded\", \"decision\": \"go\", \"suite_sha256\": null}, {\"table\": \"pet\", \"stage\": \"loaded\", \"decision\": \"go\", \"suite_sha256\": null}, {\"table\": \"person\", \"stage\": \"transformed\", \"decision\": \"go\", \"suite_sha256\": null}], \"proof\": [{\"table\": \"person\", \"source\": \"3:f198a7c81bae7b6707627fc9340b1eb8\", \"staged\": \"2:6397b0de021a7a6eb59e2f06a7409fb9\", \"target\": \"2:6397b0de021a7a6eb59e2f06a7409fb9\", \"chunks\": 1, \"rows_read\": 3, \"filtered\": 0, \"rejected\": 1, \"rows\": 2, \"balanced\": true, \"seal\": \"2567471623 2\", \"seconds\": 0.002, \"load_seconds\": 0.121, \"broken\": \"\", \"faults\": [], \"quarantined\": \"0:00000000000000000000000000000000\", \"standing\": \"0:00000000000000000000000000000000\", \"depth\": \"staged\", \"holds\": true}, {\"table\": \"pet\", \"source\": \"3:5604282b9847e25433e9613c62c3dec1\", \"staged\": \"3:5604282b9847e25433e9613c62c3dec1\", \"target\": \"3:5604282b9847e25433e9613c62c3dec1\", \"chunks\": 1, \"rows_read\": 3, \"filtered\": 0, \"rejected\": 0, \"rows\": 3, \"balanced\": true, \"seal\": \"2951047245 3\", \"seconds\": 0.016, \"load_seconds\": 0.058, \"broken\": \"\", \"faults\": [], \"quarantined\": \"0:00000000000000000000000000000000\", \"standing\": \"0:00000000000000000000000000000000\", \"depth\": \"staged\", \"holds\": true}], \"approval\": null, \"rejected\": [{\"table\": \"person\", \"rows\": 1, \"files\": {\"quarantine/person/transformed-00000.parquet\": \"769d936f6e7c81d85cab5407fb8b4cac43982b6cf60b74d42be79032466ff883\"}}], \"plan\": \"08f446ffd3bbe1c29f2274d4e8a2e1123ac5f4f2063dd0ab3ca93549ad4a9fbd\", \"overlapped\": [], \"left\": {}, \"links\": [], \"exchanged\": {}}');
INSERT INTO `penstock_switches` VALUES ('4d856894','days','r3','switched','2026-11-30T13:08:43.687010+00:00','2126-11-06T13:08:43.686814+00:00',NULL,'[]','[[[\"note\", \"fixture\"], [\"penstock_new_4d856894__note\", \"fixture\"], [\"penstock_old_4d856894__note\", \"fixture\"]], [[\"orders\", \"fixture\"], [\"penstock_new_4d856894__orders\", \"fixture\"], [\"penstock_old_4d856894__orders\", \"fixture\"]], [[\"payment\", \"fixture\"], [\"penstock_new_4d856894__payment\", \"fixture\"], [\"penstock_old_4d856894__payment\", \"fixture\"]]]','{\"verdicts\": [{\"table\": \"note\", \"stage\": \"extracted\", \"decision\": \"go\", \"suite_sha256\": null}, {\"table\": \"orders\", \"stage\": \"extracted\", \"decision\": \"go\", \"suite_sha256\": null}, {\"table\": \"payment\", \"stage\": \"extracted\", \"decision\": \"go\", \"suite_sha256\": null}, {\"table\": \"note\", \"stage\": \"loaded\", \"decision\": \"go\", \"suite_sha256\": null}, {\"table\": \"orders\", \"stage\": \"loaded\", \"decision\": \"go\", \"suite_sha256\": null}, {\"table\": \"payment\", \"stage\": \"loaded\", \"decision\": \"go\", \"suite_sha256\": null}], \"proof\": [{\"table\": \"note\", \"source\": \"1:2d5ebe11c97e1366db204dca03f77d93\", \"staged\": \"1:2d5ebe11c97e1366db204dca03f77d93\", \"target\": \"1:2d5ebe11c97e1366db204dca03f77d93\", \"chunks\": 1, \"rows_read\": 1, \"filtered\": 0, \"rejected\": 0, \"rows\": 1, \"balanced\": true, \"seal\": \"926139721 1\", \"seconds\": 0.002, \"load_seconds\": 0.021, \"broken\": \"\", \"faults\": [], \"quarantined\": \"0:00000000000000000000000000000000\", \"standing\": \"0:00000000000000000000000000000000\", \"depth\": \"staged\", \"holds\": true}, {\"table\": \"orders\", \"source\": \"3:c04df7d525469c7f5387fdd0e1065752\", \"staged\": \"3:c04df7d525469c7f5387fdd0e1065752\", \"target\": \"3:c04df7d525469c7f5387fdd0e1065752\", \"chunks\": 1, \"rows_read\": 3, \"filtered\": 0, \"rejected\": 0, \"rows\": 3, \"balanced\": true, \"seal\": \"252256111 3\", \"seconds\": 0.002, \"load_seconds\": 0.018, \"broken\": \"\", \"faults\": [], \"quarantined\": \"0:00000000000000000000000000000000\", \"standing\": \"0:00000000000000000000000000000000\", \"depth\": \"staged\", \"holds\": true}, {\"table\": \"payment\", \"source\": \"2:228dae55556035dab8324194ba252d35\", \"staged\": \"2:228dae55556035dab8324194ba252d35\", \"target\": \"2:228dae55556035dab8324194ba252d35\", \"chunks\": 1, \"rows_read\": 2, \"filtered\": 0, \"rejected\": 0, \"rows\": 2, \"balanced\": true, \"seal\": \"1376124383 2\", \"seconds\": 0.001, \"load_seconds\": 0.051, \"broken\": \"\", \"faults\": [], \"quarantined\": \"0:00000000000000000000000000000000\", \"standing\": \"0:00000000000000000000000000000000\", \"depth\": \"staged\", \"holds\": true}], \"approval\": null, \"rejected\": [], \"plan\": \"25c2a7eda2e6458c294f91fbf1f77c431659083916089d9fe12c4302bfcce86a\", \"overlapped\": [{\"migration\": \"days\", \"table\": \"note\", \"low\": \"\", \"high\": \"\", \"run\": \"r2\", \"token\": \"ad7ff5e4\", \"state\": \"proven\", \"rows\": 2, \"digest\": \"2:0356a703c7e4acff3b3fe553b5616406\", \"rows_read\": 1, \"source\": \"1:cdf83815fbef08f096b6f0fcc71077e5\", \"read_at\": \"2026-11-30T13:08:25.434075+00:00\", \"at\": \"2026-11-30T13:08:29.739501+00:00\", \"why\": \"\", \"watermark\": \"2026-03-02 12:00:00\", \"whole_at\": \"2026-11-30T13:08:19.305028+00:00\"}, {\"migration\": \"days\", \"table\": \"orders\", \"low\": \"2026-03-01T00:00:00Z\", \"high\": \"2026-03-02T00:00:00Z\", \"run\": \"r1\", \"token\": \"b0dc9761\", \"state\": \"proven\", \"rows\": 2, \"digest\": \"2:8284c30d17e7feab9668e58114ac2d95\", \"rows_read\": 2, \"source\": \"2:8284c30d17e7feab9668e58114ac2d95\", \"read_at\": \"2026-11-30T13:08:19.305601+00:00\", \"at\": \"2026-11-30T13:08:22.763868+00:00\", \"why\": \"\", \"watermark\": \"\", \"whole_at\": \"2026-11-30T13:08:19.305601+00:00\"}, {\"migration\": \"days\", \"table\": \"payment\", \"low\": \"2026-03-01T00:00:00Z\", \"high\": \"2026-03-02T00:00:00Z\", \"run\": \"r1\", \"token\": \"b0dc9761\", \"state\": \"proven\", \"rows\": 1, \"digest\": \"1:81669503fca3dbb828670107d839417d\", \"rows_read\": 1, \"source\": \"1:81669503fca3dbb828670107d839417d\", \"read_at\": \"2026-11-30T13:08:19.305979+00:00\", \"at\": \"2026-11-30T13:08:22.763913+00:00\", \"why\": \"\", \"watermark\": \"\", \"whole_at\": \"2026-11-30T13:08:19.305979+00:00\"}], \"left\": {}, \"links\": [], \"exchanged\": {}}');
INSERT INTO `penstock_switches` VALUES ('ad0532e9','town','r2','switched','2026-11-30T13:08:38.035444+00:00','2126-11-06T13:08:38.035218+00:00',NULL,'[[[\"person\", \"fixture\"], [\"penstock_new__person\", \"fixture\"], [\"penstock_old_ad0532e9__person\", \"fixture\"]], [[\"pet\", \"fixture\"], [\"penstock_new__pet\", \"fixture\"], [\"penstock_old_ad0532e9__pet\", \"fixture\"]]]','[]','{\"verdicts\": [{\"table\": \"person\", \"stage\": \"extracted\", \"decision\": \"go\", \"suite_sha256\": null}, {\"table\": \"pet\", \"stage\": \"extracted\", \"decision\": \"go\", \"suite_sha256\": null}, {\"table\": \"person\", \"stage\": \"loaded\", \"decision\": \"go\", \"suite_sha256\": null}, {\"table\": \"pet\", \"stage\": \"loaded\", \"decision\": \"go\", \"suite_sha256\": null}, {\"table\": \"person\", \"stage\": \"transformed\", \"decision\": \"go\", \"suite_sha256\": null}], \"proof\": [{\"table\": \"person\", \"source\": \"3:33b4ab62b61ae70f04e00f3756363bd6\", \"staged\": \"2:097e4ae8dbce84619a95de3e9b04bb77\", \"target\": \"2:097e4ae8dbce84619a95de3e9b04bb77\", \"chunks\": 1, \"rows_read\": 3, \"filtered\": 0, \"rejected\": 1, \"rows\": 2, \"balanced\": true, \"seal\": \"889549482 2\", \"seconds\": 0.001, \"load_seconds\": 0.013, \"broken\": \"\", \"faults\": [], \"quarantined\": \"0:00000000000000000000000000000000\", \"standing\": \"0:00000000000000000000000000000000\", \"depth\": \"staged\", \"holds\": true}, {\"table\": \"pet\", \"source\": \"3:9f1ede050397e1f8f03d5acdb766b81b\", \"staged\": \"3:9f1ede050397e1f8f03d5acdb766b81b\", \"target\": \"3:9f1ede050397e1f8f03d5acdb766b81b\", \"chunks\": 1, \"rows_read\": 3, \"filtered\": 0, \"rejected\": 0, \"rows\": 3, \"balanced\": true, \"seal\": \"358148366 3\", \"seconds\": 0.012, \"load_seconds\": 0.019, \"broken\": \"\", \"faults\": [], \"quarantined\": \"0:00000000000000000000000000000000\", \"standing\": \"0:00000000000000000000000000000000\", \"depth\": \"staged\", \"holds\": true}], \"approval\": null, \"rejected\": [{\"table\": \"person\", \"rows\": 1, \"files\": {\"quarantine/person/transformed-00000.parquet\": \"769d936f6e7c81d85cab5407fb8b4cac43982b6cf60b74d42be79032466ff883\"}}], \"plan\": \"08f446ffd3bbe1c29f2274d4e8a2e1123ac5f4f2063dd0ab3ca93549ad4a9fbd\", \"overlapped\": [{\"migration\": \"town\", \"table\": \"person\", \"low\": \"\", \"high\": \"\", \"run\": \"r1\", \"token\": \"4198fedb\", \"state\": \"proven\", \"rows\": 2, \"digest\": \"2:6397b0de021a7a6eb59e2f06a7409fb9\", \"rows_read\": 3, \"source\": \"3:f198a7c81bae7b6707627fc9340b1eb8\", \"read_at\": \"2026-11-30T13:07:49.471583+00:00\", \"at\": \"2026-11-30T13:08:16.441153+00:00\", \"why\": \"\", \"watermark\": \"\", \"whole_at\": \"2026-11-30T13:07:49.471583+00:00\"}, {\"migration\": \"town\", \"table\": \"pet\", \"low\": \"\", \"high\": \"\", \"run\": \"r1\", \"token\": \"4198fedb\", \"state\": \"proven\", \"rows\": 3, \"digest\": \"3:5604282b9847e25433e9613c62c3dec1\", \"rows_read\": 3, \"source\": \"3:5604282b9847e25433e9613c62c3dec1\", \"read_at\": \"2026-11-30T13:07:49.472286+00:00\", \"at\": \"2026-11-30T13:08:16.441271+00:00\", \"why\": \"\", \"watermark\": \"\", \"whole_at\": \"2026-11-30T13:07:49.472286+00:00\"}], \"left\": {}, \"links\": [], \"exchanged\": {}}');
INSERT INTO `penstock_switches` VALUES ('ad7ff5e4','days','r2','switched','2026-11-30T13:08:29.936989+00:00','2126-11-06T13:08:29.936834+00:00',NULL,'[]','[[[\"note\", \"fixture\"], [\"penstock_new_ad7ff5e4__note\", \"fixture\"], [\"penstock_old_ad7ff5e4__note\", \"fixture\"]], [[\"orders\", \"fixture\"], [\"penstock_new_ad7ff5e4__orders\", \"fixture\"], [\"penstock_old_ad7ff5e4__orders\", \"fixture\"]], [[\"payment\", \"fixture\"], [\"penstock_new_ad7ff5e4__payment\", \"fixture\"], [\"penstock_old_ad7ff5e4__payment\", \"fixture\"]]]','{\"verdicts\": [{\"table\": \"note\", \"stage\": \"extracted\", \"decision\": \"go\", \"suite_sha256\": null}, {\"table\": \"orders\", \"stage\": \"extracted\", \"decision\": \"go\", \"suite_sha256\": null}, {\"table\": \"payment\", \"stage\": \"extracted\", \"decision\": \"go\", \"suite_sha256\": null}, {\"table\": \"note\", \"stage\": \"loaded\", \"decision\": \"go\", \"suite_sha256\": null}, {\"table\": \"orders\", \"stage\": \"loaded\", \"decision\": \"go\", \"suite_sha256\": null}, {\"table\": \"payment\", \"stage\": \"loaded\", \"decision\": \"go\", \"suite_sha256\": null}], \"proof\": [{\"table\": \"note\", \"source\": \"1:cdf83815fbef08f096b6f0fcc71077e5\", \"staged\": \"1:cdf83815fbef08f096b6f0fcc71077e5\", \"target\": \"1:cdf83815fbef08f096b6f0fcc71077e5\", \"chunks\": 1, \"rows_read\": 1, \"filtered\": 0, \"rejected\": 0, \"rows\": 1, \"balanced\": true, \"seal\": \"2468855722 1\", \"seconds\": 0.003, \"load_seconds\": 0.039, \"broken\": \"\", \"faults\": [], \"quarantined\": \"0:00000000000000000000000000000000\", \"standing\": \"0:00000000000000000000000000000000\", \"depth\": \"staged\", \"holds\": true}, {\"table\": \"orders\", \"source\": \"1:0d352868b2289614279b866aa4022ad9\", \"staged\": \"1:0d352868b2289614279b866aa4022ad9\", \"target\": \"1:0d352868b2289614279b866aa4022ad9\", \"chunks\": 1, \"rows_read\": 1, \"filtered\": 0, \"rejected\": 0, \"rows\": 1, \"balanced\": true, \"seal\": \"1794162443 1\", \"seconds\": 0.003, \"load_seconds\": 0.083, \"broken\": \"\", \"faults\": [], \"quarantined\": \"0:00000000000000000000000000000000\", \"standing\": \"0:00000000000000000000000000000000\", \"depth\": \"staged\", \"holds\": true}, {\"table\": \"payment\", \"source\": \"2:02a571a776ed4384cacd4c7d8623a3bf\", \"staged\": \"2:02a571a776ed4384cacd4c7d8623a3bf\", \"target\": \"2:02a571a776ed4384cacd4c7d8623a3bf\", \"chunks\": 1, \"rows_read\": 2, \"filtered\": 0, \"rejected\": 0, \"rows\": 2, \"balanced\": true, \"seal\": \"1909766397 2\", \"seconds\": 0.003, \"load_seconds\": 0.037, \"broken\": \"\", \"faults\": [], \"quarantined\": \"0:00000000000000000000000000000000\", \"standing\": \"0:00000000000000000000000000000000\", \"depth\": \"staged\", \"holds\": true}], \"approval\": null, \"rejected\": [], \"plan\": \"25c2a7eda2e6458c294f91fbf1f77c431659083916089d9fe12c4302bfcce86a\", \"overlapped\": [{\"migration\": \"days\", \"table\": \"note\", \"low\": \"\", \"high\": \"\", \"run\": \"r1\", \"token\": \"b0dc9761\", \"state\": \"proven\", \"rows\": 2, \"digest\": \"2:0356a703c7e4acff3b3fe553b5616406\", \"rows_read\": 2, \"source\": \"2:0356a703c7e4acff3b3fe553b5616406\", \"read_at\": \"2026-11-30T13:08:19.305028+00:00\", \"at\": \"2026-11-30T13:08:22.763787+00:00\", \"why\": \"\", \"watermark\": \"2026-03-02 12:00:00\", \"whole_at\": \"2026-11-30T13:08:19.305028+00:00\"}], \"left\": {}, \"links\": [], \"exchanged\": {}}');
INSERT INTO `penstock_switches` VALUES ('b0dc9761','days','r1','switched','2026-11-30T13:08:23.016856+00:00','2126-11-06T13:08:23.016791+00:00',NULL,'[[[\"note\", \"fixture\"], [\"penstock_new_b0dc9761__note\", \"fixture\"], null], [[\"orders\", \"fixture\"], [\"penstock_new_b0dc9761__orders\", \"fixture\"], null], [[\"payment\", \"fixture\"], [\"penstock_new_b0dc9761__payment\", \"fixture\"], null]]','[]','{\"verdicts\": [{\"table\": \"note\", \"stage\": \"extracted\", \"decision\": \"go\", \"suite_sha256\": null}, {\"table\": \"orders\", \"stage\": \"extracted\", \"decision\": \"go\", \"suite_sha256\": null}, {\"table\": \"payment\", \"stage\": \"extracted\", \"decision\": \"go\", \"suite_sha256\": null}, {\"table\": \"note\", \"stage\": \"loaded\", \"decision\": \"go\", \"suite_sha256\": null}, {\"table\": \"orders\", \"stage\": \"loaded\", \"decision\": \"go\", \"suite_sha256\": null}, {\"table\": \"payment\", \"stage\": \"loaded\", \"decision\": \"go\", \"suite_sha256\": null}], \"proof\": [{\"table\": \"note\", \"source\": \"2:0356a703c7e4acff3b3fe553b5616406\", \"staged\": \"2:0356a703c7e4acff3b3fe553b5616406\", \"target\": \"2:0356a703c7e4acff3b3fe553b5616406\", \"chunks\": 1, \"rows_read\": 2, \"filtered\": 0, \"rejected\": 0, \"rows\": 2, \"balanced\": true, \"seal\": \"250004917 2\", \"seconds\": 0.002, \"load_seconds\": 0.013, \"broken\": \"\", \"faults\": [], \"quarantined\": \"0:00000000000000000000000000000000\", \"standing\": \"0:00000000000000000000000000000000\", \"depth\": \"staged\", \"holds\": true}, {\"table\": \"orders\", \"source\": \"2:8284c30d17e7feab9668e58114ac2d95\", \"staged\": \"2:8284c30d17e7feab9668e58114ac2d95\", \"target\": \"2:8284c30d17e7feab9668e58114ac2d95\", \"chunks\": 1, \"rows_read\": 2, \"filtered\": 0, \"rejected\": 0, \"rows\": 2, \"balanced\": true, \"seal\": \"279884300 2\", \"seconds\": 0.01, \"load_seconds\": 0.005, \"broken\": \"\", \"faults\": [], \"quarantined\": \"0:00000000000000000000000000000000\", \"standing\": \"0:00000000000000000000000000000000\", \"depth\": \"staged\", \"holds\": true}, {\"table\": \"payment\", \"source\": \"1:81669503fca3dbb828670107d839417d\", \"staged\": \"1:81669503fca3dbb828670107d839417d\", \"target\": \"1:81669503fca3dbb828670107d839417d\", \"chunks\": 1, \"rows_read\": 1, \"filtered\": 0, \"rejected\": 0, \"rows\": 1, \"balanced\": true, \"seal\": \"227692548 1\", \"seconds\": 0.001, \"load_seconds\": 0.004, \"broken\": \"\", \"faults\": [], \"quarantined\": \"0:00000000000000000000000000000000\", \"standing\": \"0:00000000000000000000000000000000\", \"depth\": \"staged\", \"holds\": true}], \"approval\": null, \"rejected\": [], \"plan\": \"25c2a7eda2e6458c294f91fbf1f77c431659083916089d9fe12c4302bfcce86a\", \"overlapped\": [], \"left\": {}, \"links\": [], \"exchanged\": {}}');
/*!40101 SET @saved_cs_client     = @@character_set_client */;
/*!40101 SET character_set_client = utf8mb4 */;
CREATE TABLE `penstock_turns` (
  `migration` varchar(40) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  `turn` bigint(20) NOT NULL,
  PRIMARY KEY (`migration`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_general_ci;
/*!40101 SET character_set_client = @saved_cs_client */;
INSERT INTO `penstock_turns` VALUES ('days',6);
INSERT INTO `penstock_turns` VALUES ('town',4);
/*!40101 SET @saved_cs_client     = @@character_set_client */;
/*!40101 SET character_set_client = utf8mb4 */;
CREATE TABLE `person` (
  `id` bigint(20) NOT NULL AUTO_INCREMENT,
  `name` varchar(40) CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin NOT NULL,
  `age` int(11) DEFAULT NULL,
  PRIMARY KEY (`id`)
) ENGINE=InnoDB AUTO_INCREMENT=3 DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_general_ci;
/*!40101 SET character_set_client = @saved_cs_client */;
INSERT INTO `person` VALUES (1,'Zoë',31);
INSERT INTO `person` VALUES (2,'Bob',22);
/*!40101 SET @saved_cs_client     = @@character_set_client */;
/*!40101 SET character_set_client = utf8mb4 */;
CREATE TABLE `pet` (
  `id` bigint(20) NOT NULL AUTO_INCREMENT,
  `person` bigint(20) NOT NULL,
  `name` varchar(40) CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin DEFAULT NULL,
  PRIMARY KEY (`id`),
  KEY `fk_pet_person__2` (`person`),
  CONSTRAINT `fk_pet_person__2` FOREIGN KEY (`person`) REFERENCES `person` (`id`)
) ENGINE=InnoDB AUTO_INCREMENT=5 DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_general_ci;
/*!40101 SET character_set_client = @saved_cs_client */;
INSERT INTO `pet` VALUES (1,1,'Rex');
INSERT INTO `pet` VALUES (2,2,'Mia');
INSERT INTO `pet` VALUES (4,1,'Tom');
