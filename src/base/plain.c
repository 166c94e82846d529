/* plain.c - see plain.h. Called for every text of a log record and every value of a header. */
#include "plain.h"

typedef int8_t sixteen __attribute__((vector_size(16)));
typedef uint64_t halves __attribute__((vector_size(16)));

/* Signed: what is from 0x80 on is below ' ' too. */
static bool
plain_sixteen(const char *text)
{
	sixteen bytes;
	memcpy(&bytes, text, sizeof bytes);
	halves found = (halves)((bytes < ' ') | (bytes == '"') | (bytes == '\\') | (bytes == 0x7f));
	return (found[0] | found[1]) == 0;
}

/* Fewer than a word: the two halves of the word overlap. */
static bool
plain_few(const char *text, size_t size)
{
	char word[PLAIN_WORD_BYTES + 1] = "        ";
	if (size >= 4) {
		memcpy(word, text, 4);
		memcpy(word + 4, text + size - 4, 4);
	} else {
		for (size_t i = 0; i < size; i++)
			word[i] = text[i];
	}
	return plain_word(word);
}

/* The last bytes may have been looked at in part already. */
bool
plain_text(const char *text, size_t size_bytes)
{
	if (size_bytes < PLAIN_WORD_BYTES)
		return plain_few(text, size_bytes);
	if (size_bytes < sizeof(sixteen))
		return plain_word(text) && plain_word(text + size_bytes - PLAIN_WORD_BYTES);
	for (size_t i = 0; i < size_bytes - sizeof(sixteen); i += sizeof(sixteen))
		if (!plain_sixteen(text + i))
			return false;
	return plain_sixteen(text + size_bytes - sizeof(sixteen));
}
