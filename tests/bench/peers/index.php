<?php
// index.php - the health answer as a script under php-fpm; nothing around it: no log, no ID, no metrics.
$now = microtime(true);
$body = json_encode([
	'status' => 'healthy',
	'timestamp' => gmdate('Y-m-d\TH:i:s', (int) $now) . sprintf('.%06dZ', ($now - floor($now)) * 1e6),
	'version' => $_SERVER['BENCH_VERSION'],
]);
header('Content-Type: application/json');
header('Content-Length: ' . strlen($body));
echo $body;
