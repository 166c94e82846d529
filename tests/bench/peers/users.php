<?php
// users.php - GET /users/{id} from PostgreSQL under php-fpm: a session that is kept, a prepared statement; nothing around it.
//
// BENCH_DATABASE is PDO's name of the database. With BENCH_PREPARE=off the statement and its parameter go in one message;
// otherwise PDO prepares, executes and deallocates it for each request, since it keeps sessions and not their statements.
$database = new PDO($_SERVER['BENCH_DATABASE'], 'vitals', null, [
	PDO::ATTR_PERSISTENT => true,
	PDO::ATTR_ERRMODE => PDO::ERRMODE_EXCEPTION,
	PDO::PGSQL_ATTR_DISABLE_PREPARES => $_SERVER['BENCH_PREPARE'] === 'off',
]);
$statement = $database->prepare('select id, name, email from users where id = ?');
$statement->execute([basename($_SERVER['REQUEST_URI'])]);
$user = $statement->fetch(PDO::FETCH_ASSOC);
if ($user === false) {
	http_response_code(404);
	$user = ['detail' => 'There is no such user.'];
}
$body = json_encode($user);
header('Content-Type: application/json');
header('Content-Length: ' . strlen($body));
echo $body;
